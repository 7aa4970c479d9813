import type { components, operations } from './schema.gen';

type Schemas = components['schemas'];
export type User = Schemas['UserView'];
export type SignedIn = Schemas['SignedIn'];
export type Instance = Schemas['InstanceView'];
export type RegistrationMode = Schemas['RegistrationMode'];
export type Settings = Schemas['SettingsView'];
export type UpdateSettings = Schemas['UpdateSettings'];
export type ChangeEmail = Schemas['ChangeEmail'];
export type DeviceSession = Schemas['SessionView'];
export type Invitation = Schemas['InvitationView'];
export type CreatedInvitation = Schemas['CreatedInvitation'];
export type CreateInvitation = Schemas['CreateInvitation'];
export type SignInOptions = Schemas['SignInOptions'];
export type Provider = Schemas['ProviderView'];
export type FactorMethod = Schemas['FactorMethod'];
export type PasskeyChallenge = Schemas['PasskeyChallenge'];
export type ReauthenticateRequest = Schemas['ReauthenticateRequest'];
export type Security = Schemas['SecurityView'];
export type TotpSetup = Schemas['TotpSetup'];
export type BackupCodes = Schemas['BackupCodes'];
export type Passkey = Schemas['PasskeyView'];
export type ApiKey = Schemas['ApiKeyView'];
export type ApiKeyScope = Schemas['ApiKeyScope'];
export type CreateApiKey = Schemas['CreateApiKey'];
export type UpdateApiKey = Schemas['UpdateApiKey'];
export type CreatedApiKey = Schemas['CreatedApiKey'];
export type Conversation = Schemas['ConversationView'];
export type CreateConversation = Schemas['CreateConversation'];
export type Defaults = Schemas['DefaultsView'];
export type UpdateDefaults = Schemas['UpdateDefaults'];
export type UpdateConversation = Schemas['UpdateConversation'];
export type ConversationFilter = NonNullable<
  NonNullable<operations['get_conversations']['parameters']['query']>['filter']
>;
export type ConversationSort = NonNullable<
  NonNullable<operations['get_conversations']['parameters']['query']>['sort']
>;
export type ExportFormat = NonNullable<
  NonNullable<operations['get_conversations_id_export']['parameters']['query']>['format']
>;
export type SearchHit = Schemas['SearchHit'];
export type Excerpt = Schemas['Excerpt'];
export type Message = Schemas['MessageView'];
export type MessageMetrics = Schemas['MessageMetrics'];
export type MessageError = Schemas['MessageError'];
export type ToolCall = Schemas['ToolCallView'];
export type Attachment = Schemas['Attachment'];
export type Part = Schemas['Part'];
export type StartTurn = Schemas['StartTurnRequest'];
export type TurnStarted = Schemas['TurnStarted'];
export type ModelList = Schemas['ModelList'];
export type Model = Schemas['ModelView'];
export type NodeKind = Schemas['NodeKind'];
export type CreateNode = Schemas['CreateNode'];
export type UpdateNode = Schemas['UpdateNode'];
export type ModelNode = Schemas['NodeView'];
export type NodeTest = Schemas['NodeTest'];
export type DiscoveredNode = Schemas['DiscoveredNode'];
export type UsageReport = Schemas['UsageReport'];
export type UsageRow = Schemas['UsageRow'];
export type UsageTotals = Schemas['UsageTotals'];
export type Budget = Schemas['BudgetView'];
export type OwnBudgets = Schemas['OwnBudgets'];
export type Account = Schemas['AdminUserView'];
export type UpdateAccount = Schemas['UpdateUser'];
export type PasswordResetLink = Schemas['PasswordResetLink'];
export type Group = Schemas['GroupView'];
export type CreateGroup = Schemas['CreateGroup'];
export type UpdateGroup = Schemas['UpdateGroup'];
export type GroupMember = Schemas['GroupMemberView'];
export type GroupRole = Schemas['GroupRole'];
export type BudgetSubject = Schemas['BudgetSubject'];
export type BudgetUnit = Schemas['BudgetUnit'];
export type BudgetPeriod = Schemas['BudgetPeriod'];
export type CreateBudget = Schemas['CreateBudget'];
export type ModelPrice = Schemas['ModelPriceView'];
export type SetModelPrice = Schemas['SetModelPrice'];
export type Import = Schemas['ImportView'];
export type ImportKind = Schemas['ImportKind'];
export type Backup = Schemas['BackupView'];
export type MetricsReport = Schemas['MetricsReport'];
export type MetricPoint = Schemas['MetricPoint'];
export type SystemHealth = Schemas['SystemHealth'];
export type NodeUsageReport = Schemas['NodeUsageReport'];
export type KeyUsage = Schemas['KeyUsageView'];
export type KeyUsagePoint = Schemas['KeyUsagePoint'];
export type AuditVerification = Schemas['AuditVerification'];
export type AuditEntry = Schemas['Page_AuditView']['items'][number];
export type RoleModels = Schemas['RoleModelsView'];
export type ModelAccess = Schemas['ModelAccessView'];
export type Limit = Schemas['LimitView'];
export type SetLimit = Schemas['SetLimit'];
export type Profile = Schemas['ProfileView'];
export type ProfileSettings = Schemas['ProfileSettings'];
export type ProfileList = Schemas['ProfileList'];
export type EditProfile = Schemas['EditProfile'];
export type Problem = Schemas['Problem'];
export type TurnEvent = Schemas['Event'];
export type ServerFrame = Schemas['ServerFrame'];
export type ClientFrame = Schemas['ClientFrame'];

/** One page of a list. */
export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}
