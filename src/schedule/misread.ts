/** Why a text cannot be read, for the message that the person gets. */
export class Misread extends Error {
  /** As it was typed. */
  readonly word: string
  /** Texts that may be meant; those that cannot be read themselves are not shown. */
  readonly tries: string[]

  /** `why`: a clause that follows the word, such as `is not a time of day`. */
  constructor(word: string, why: string, tries: string[] = []) {
    super(why)
    this.word = word
    this.tries = tries
  }
}
