import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { apiKey, type Service } from '../support/service.ts'

/** A call as it is written, for what fetch would not send: any body, any type, any header. */
export async function send(
  service: Pick<Service, 'url'>,
  { method = 'POST', path, headers = {}, body }: RawCall,
): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>()
  const call = request(service.url + path, { method, headers }, (response) => {
    text(response).then((answer) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer })
    }, reject)
  })
  call.on('error', reject)
  call.end(body)
  return promise
}

type RawCall = { method?: string; path: string; headers?: Record<string, string>; body?: string | Buffer }
export type RawAnswer = { status: number; headers: NodeJS.Dict<string | string[]>; body: string }

/** What comes back for a beginning of a request whose body is never sent; rejects where nothing does. */
export async function answerTo(service: Pick<Service, 'url'>, head: string[]): Promise<string> {
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
  socket.setTimeout(5000, () => socket.destroy(new Error('expected an answer before the body')))
  socket.write([...head, 'Host: x', 'Content-Length: 1000', '', ''].join('\r\n'))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return answer.toString()
}

export const withKey = { authorization: `Bearer ${apiKey}` }
export const asJson = { ...withKey, 'content-type': 'application/json' }

export type Problem = {
  type: string
  title: string
  status: number
  detail: string
  code: string
  error: string
  errors?: { path: string; message: string }[]
}

export const codeOf = ({ status, body }: { status: number; body: unknown }) =>
  `${status} ${(body as Problem).code}`

/** The ids in a list's answer, in its order. */
export function idsOf({ body }: { body: unknown }): string[] {
  const [items] = Object.values(body as Record<string, { id: string }[]>)
  return (items ?? []).map(({ id }) => id)
}
