import type { Socket } from 'node:net'
import type { Line } from '../../../outbound/index.ts'

/** The tools of one try. */
export type Sending = {
  /** For one call. */
  line: Pick<Line, 'fetch'>
  /** A guarded connection, for protocols other than HTTP. */
  connect(to: { host: string; port: number; signal: AbortSignal }): Promise<Socket>
  /** Aborts at the time limit of a try, or when the caller does. */
  signal: AbortSignal
  userAgent: string
  /** A receiver's words without its secrets; before they are cut. */
  hide(text: string): string
}
