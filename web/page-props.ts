/** What each page is given: the parts of its address that are named. */
export type PageProps = { params: Record<string, string> }
