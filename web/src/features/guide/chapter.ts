/** One subject of the guide, in Markdown. */
export interface Chapter {
  id: string;
  title: string;
  text: string;
}
