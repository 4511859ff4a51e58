import { once } from 'node:events'
import { createServer, type Server } from 'node:http'

/**
 * `GET /metrics` on a port of its own, without a key: for a private network. A scrape holds nothing up.
 *
 * Rejects with the system's error (EADDRINUSE) where the port cannot be had.
 */
export async function serveMetrics(
  host: string,
  port: number,
  metrics: () => Promise<string>,
): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    metrics().then(
      (text) =>
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text),
      () => response.writeHead(503).end(),
    )
  })
  server.listen(port, host)
  await once(server, 'listening')
  server.unref()
  return server
}
