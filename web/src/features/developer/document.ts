/** What we read of an OpenAPI schema. */
export interface Schema {
  $ref?: string;
  type?: string | readonly string[];
  format?: string;
  description?: string;
  enum?: readonly unknown[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: readonly string[];
  allOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  anyOf?: readonly Schema[];
}

interface Body {
  description?: string;
  content?: Record<string, { schema?: Schema }>;
}

/** What we read of an operation. */
interface RawOperation {
  tags?: readonly string[];
  summary?: string;
  description?: string;
  operationId?: string;
  parameters?: readonly {
    name: string;
    in: string;
    required?: boolean;
    description?: string;
    schema?: Schema;
  }[];
  requestBody?: Body;
  responses?: Record<string, Body>;
}

/** What we read of the server's description of itself. */
export interface ApiDocument {
  paths: Record<string, Record<string, RawOperation>>;
  components?: { schemas?: Record<string, Schema> };
}

/** One value that goes in or comes out. */
export interface Field {
  name: string;
  type: string;
  required: boolean;
  description: string;
  /** For a parameter: `path`, `query` or `header`. */
  where: string | null;
}

/** One thing that the API does. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  summary: string;
  parameters: Field[];
  body: Field[];
  answer: Field[];
  /** What a success is, where that is no object with fields. */
  answers: string;
}

/** The operations of one subject. */
export interface Group {
  tag: string;
  operations: Operation[];
}

function named(schema: Schema): string | null {
  return schema.$ref?.split('/').at(-1) ?? null;
}

function resolved(document: ApiDocument, schema: Schema): Schema {
  const name = named(schema);
  return name === null ? schema : (document.components?.schemas?.[name] ?? {});
}

/** A type as a person writes it. */
export function typeName(schema: Schema): string {
  const name = named(schema);
  if (name !== null) return name;
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const choice = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (choice) return [...new Set(choice.map(typeName))].join(schema.allOf ? ' & ' : ' | ');
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['any']);
  return types
    .map((type) => {
      if (type === 'array') return `${typeName(schema.items ?? {})}[]`;
      return type === 'string' && schema.format ? schema.format : type;
    })
    .join(' | ');
}

function fieldsOf(document: ApiDocument, schema: Schema | undefined): Field[] {
  if (!schema) return [];
  const whole = resolved(document, schema);
  const inherited = (whole.allOf ?? []).flatMap((part) => fieldsOf(document, part));
  const own = Object.entries(whole.properties ?? {}).map(([name, property]) => ({
    name,
    type: typeName(property),
    required: whole.required?.includes(name) === true,
    description: property.description ?? '',
    where: null,
  }));
  return [...inherited, ...own];
}

function firstSchema(body: Body | undefined): Schema | undefined {
  return Object.values(body?.content ?? {})[0]?.schema;
}

function operationOf(
  document: ApiDocument,
  path: string,
  method: string,
  raw: RawOperation,
): Operation {
  const success = Object.entries(raw.responses ?? {}).find(([status]) => status.startsWith('2'));
  const schema = firstSchema(success?.[1]);
  return {
    id: raw.operationId ?? `${method} ${path}`,
    method: method.toUpperCase(),
    path,
    summary: [raw.summary, raw.description].filter(Boolean).join(' ').replace(/\s+/g, ' '),
    parameters: (raw.parameters ?? []).map((parameter) => ({
      name: parameter.name,
      type: typeName(parameter.schema ?? {}),
      required: parameter.required === true,
      description: parameter.description ?? '',
      where: parameter.in,
    })),
    body: fieldsOf(document, firstSchema(raw.requestBody)),
    answer: fieldsOf(document, schema),
    answers: [success?.[0], schema && typeName(schema), success?.[1].description]
      .filter(Boolean)
      .join(' · '),
  };
}

// The doors that other programs knock on first; the rest as the server orders it.
const FIRST: readonly string[] = ['OpenAI', 'Anthropic', 'Ollama'];

/** Everything that the API does, by subject. */
export function groupsOf(document: ApiDocument): Group[] {
  const groups = new Map<string, Operation[]>(FIRST.map((tag) => [tag, []]));
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, raw] of Object.entries(methods)) {
      const tag = raw.tags?.[0] ?? 'other';
      const operations = groups.get(tag) ?? [];
      operations.push(operationOf(document, path, method, raw));
      groups.set(tag, operations);
    }
  }
  return [...groups]
    .filter(([, operations]) => operations.length > 0)
    .map(([tag, operations]) => ({ tag, operations }));
}

/** The operations in which every word occurs. */
export function searched(groups: readonly Group[], text: string): Group[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return groups.flatMap(({ tag, operations }) => {
    const hits = operations.filter(({ method, path, summary }) => {
      const all = `${tag} ${method} ${path} ${summary}`.toLowerCase();
      return words.every((word) => all.includes(word));
    });
    return hits.length > 0 ? [{ tag, operations: hits }] : [];
  });
}
