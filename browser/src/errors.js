/** What goes wrong, as one sentence for the visitor. */
export class PageError extends Error {}
