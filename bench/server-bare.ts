import { createServer } from 'node:http'

/** The floor: the least that Node can do to answer a fire with 202. */
createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"accepted"}')
  })
}).listen(Number(process.env['PORT']), process.env['HOST'])
