// A Mastra server on loopback. Usage: node server.mjs [--auth none|believed|mapped]
//
//   OPENAI_BASE_URL, OPENAI_API_KEY   where the model and the embeddings are
//   PORT                              default 4111; 0 takes any free one, and the line printed says which
//   MASTRA_DATABASE                   an SQLite file; default: a new one in the system's temporary folder

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { serve } from '@hono/node-server'
import { Mastra } from '@mastra/core'
import { MastraServer } from '@mastra/hono'
import { Hono } from 'hono'

import { build } from './agents.mjs'
import { serverAuth } from './auth.mjs'
import { routes } from './routes.mjs'

const MODES = ['none', 'believed', 'mapped']

const fail = message => {
  console.error(message)
  process.exit(2)
}

const { values } = parseArgs({ options: { auth: { type: 'string', default: 'none' } } })
if (!MODES.includes(values.auth)) fail(`--auth is ${values.auth}; it may be ${MODES.join(', ')}`)
const modelUrl = process.env.OPENAI_BASE_URL
if (!modelUrl) fail('OPENAI_BASE_URL is not set: there is no model to talk to')

let database = process.env.MASTRA_DATABASE
if (!database) {
  const folder = mkdtempSync(join(tmpdir(), 'mastra-example-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  database = join(folder, 'memory.db')
}

const { agents, storage } = build({
  modelUrl,
  apiKey: process.env.OPENAI_API_KEY ?? 'none',
  database: `file:${database}`,
})
const mastra = new Mastra({ agents, storage, server: { apiRoutes: routes, ...serverAuth(values.auth) } })

const app = new Hono()
app.get('/healthz', c => c.json({ ok: true }))
await new MastraServer({ app, mastra }).init()

const http = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 4111) }, info => {
  console.log(`listening on http://127.0.0.1:${info.port}`)
})
http.on('error', error => fail(`cannot listen: ${error.message}`))

// SQLite's file must be closed by the time the folder goes; open requests are not waited for.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0))
