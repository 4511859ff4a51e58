import type { TObject } from 'typebox'
import type { Call } from '../../outbound/index.ts'
import type { ReceiverKit } from './shared/schema.ts'
import type { Sent, Message } from './shared/message.ts'
import type { Sending } from './shared/sending.ts'

/** Where deliveries go, as its author wrote it: `type` and its fields, with secrets by reference or as they are. */
export type ReceiverConfig = { type: string; [field: string]: unknown }

/**
 * The complete declaration of a type of receiver. One folder each, and one entry in receivers.ts: everything about all
 * types together (the schemas of channels and deliveries, the error texts, redaction, the table in
 * docs/deliveries.md) is made from that list.
 */
export type Receiver<Target extends { type: string } = never> = {
  type: [Target] extends [never] ? string : Target['type']
  /** The treatment of a long output, as in the table of docs/deliveries.md. */
  docs: string
  /** TypeBox is handed in: no delivery waits until it is loaded. `template` and others that all have are added. */
  schema(kit: ReceiverKit): TObject
  /** The fields whose values are secret: no message shows them, in whatever the receiver says either. */
  secretsOf: readonly (keyof Target & string)[]
  /** Its targets, by the fields that hold them; the first names it in messages. */
  callsOf(config: ReceiverConfig): [Call, ...Call[]]
  /** What else may be shown of a channel than the host that it calls and the names of secrets. */
  summaryOf?(config: ReceiverConfig): Record<string, unknown>
  /** A field that a channel has made for it if it is left out. */
  made?: { field: keyof Target & string; make(): string[] }
  /** Loaded with the first delivery of this type. */
  load(): Promise<Send<Target>>
}

/** One try. The behaviour of the receiver is a value; errors of the line are translated by `troubleOf`. */
export type Send<Target> = (sending: Sending, target: Target, message: Message) => Promise<Sent>
