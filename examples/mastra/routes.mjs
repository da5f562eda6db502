// The situations of the rule "thread and resource ids required", one route each, as an application would write
// them. Bodies are JSON: { message, user, conversation, … }.

import { randomUUID } from 'node:crypto'

import { registerApiRoute } from '@mastra/core/server'

import { getUserFromAuth, login } from './auth.mjs'

const post = (path, handler) =>
  registerApiRoute(path, {
    method: 'POST',
    // These routes authenticate by themselves, or not at all: that is what they are about.
    requiresAuth: false,
    handler: async c => {
      const body = await c.req.json()
      try {
        return await handler(c, body)
      } catch (error) {
        const refusal = REFUSALS.find(({ says }) => says.test(error?.message))
        if (!refusal) throw error
        return c.json({ error: refusal.error }, refusal.status)
      }
    },
  })

// What `generate` throws when it refuses; not caught, it would be answered with 500, which says no such thing.
// By the time it arrives here only its text tells it apart, and that text names ids: it is not handed on.
const REFUSALS = [
  { says: /resourceId and a threadId must be provided/, status: 400, error: 'thread and resource are required' },
  { says: /belongs to resource .* but resource .* was provided/, status: 403, error: 'access denied' },
]

const generate = async (c, message, memory) => {
  const agent = c.get('mastra').getAgentById('history')
  const { text } = memory === undefined ? await agent.generate(message) : await agent.generate(message, { memory })
  return c.json({ text, ...(memory?.thread ? { conversation: memory.thread } : {}) })
}

// Keys the caller left out stay out: `undefined` is not sent to Mastra as a value.
const given = memory => Object.fromEntries(Object.entries(memory).filter(([, value]) => value !== undefined))

// -- the rule's configurations -------------------------------------------------------------------------------------

const configurations = [
  post('/given', (c, { message, user, conversation }) =>
    generate(c, message, given({ thread: conversation, resource: user }))),

  post('/no-memory', (c, { message }) => generate(c, message)),

  post('/no-thread', (c, { message, user }) => generate(c, message, given({ resource: user }))),

  post('/no-resource', (c, { message, conversation }) => generate(c, message, given({ thread: conversation }))),

  post('/hardcoded', (c, { message }) => generate(c, message, { thread: 'main-thread', resource: 'main-resource' })),
]

// -- the rule's id strategies: the resource is the authenticated user ----------------------------------------------

const logins = [
  post('/login', (c, { user }) =>
    typeof user === 'string' && user
      ? c.json({ token: login(user) })
      : c.json({ error: 'user is required' }, 400)),
]

const sessions = new Map()

const authenticated = handler => (c, body) => {
  const user = getUserFromAuth(c.req)
  return user ? handler(c, body, user) : c.json({ error: 'Unauthorized' }, 401)
}

const strategies = [
  post('/existing', authenticated((c, { message, conversation }, user) =>
    generate(c, message, given({ thread: conversation, resource: user })))),

  post('/uuid', authenticated((c, { message, conversation = randomUUID() }, user) =>
    generate(c, message, { thread: conversation, resource: user }))),

  post('/composite', authenticated((c, { message, topic }, user) =>
    generate(c, message, { thread: `${user}-${topic}`, resource: user }))),

  post('/sessions', authenticated((c, _body, user) => {
    const session = randomUUID()
    sessions.set(session, user)
    return c.json({ session })
  })),

  post('/session', authenticated((c, { message, session }, user) =>
    sessions.get(session) === user
      ? generate(c, message, { thread: session, resource: user })
      : c.json({ error: 'no such session' }, 404))),
]

// -- the rule's API route, its creation of conversations, and ownership verified and not -----------------------------

const conversations = new Map()

const application = [
  post('/chat', authenticated((c, { message, conversation }, user) =>
    generate(c, message, given({ thread: conversation, resource: user })))),

  post('/conversations', authenticated((c, _body, user) => {
    const id = randomUUID()
    conversations.set(id, { id, user, createdAt: new Date() })
    return c.json({ id })
  })),

  post('/secure-chat', authenticated((c, { message, conversation }, user) =>
    conversations.get(conversation)?.user === user
      ? generate(c, message, { thread: conversation, resource: user })
      : c.json({ error: 'Conversation not found or access denied' }, 404))),

  // The same without the verification: the conversation must exist, whoever it belongs to.
  post('/unverified-chat', authenticated((c, { message, conversation }, user) =>
    conversations.has(conversation)
      ? generate(c, message, { thread: conversation, resource: user })
      : c.json({ error: 'Conversation not found' }, 404))),

  // The same, and the conversation's owner is taken for the caller: what a lookup by id alone invites.
  post('/borrowed-chat', authenticated((c, { message, conversation }) => {
    const found = conversations.get(conversation)
    return found
      ? generate(c, message, { thread: conversation, resource: found.user })
      : c.json({ error: 'Conversation not found' }, 404)
  })),
]

export const routes = [...logins, ...configurations, ...strategies, ...application]
