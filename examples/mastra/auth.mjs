// Who is calling. `POST /login` gives a token to whoever asks, by name alone: it stands in for an identity provider,
// and is worth nothing outside of tests.

import { randomUUID } from 'node:crypto'

const users = new Map()

export function login(user) {
  const token = randomUUID()
  users.set(token, { id: user })
  return token
}

// The reference rule's `getUserFromAuth`.
export function getUserFromAuth(request) {
  const header = request.header('authorization') ?? ''
  return header.startsWith('Bearer ') ? (users.get(header.slice('Bearer '.length))?.id ?? null) : null
}

// `none`: everybody may call. `believed`: callers are authenticated, and the resource they name is believed.
// `mapped`: callers are authenticated, and the resource is derived from who they are.
export function serverAuth(mode) {
  if (mode === 'none') return {}
  const auth = {
    name: 'tokens',
    authenticateToken: async token => users.get(token) ?? null,
    authorizeUser: async user => !!user,
  }
  if (mode === 'mapped') auth.mapUserToResourceId = user => user.id
  return { auth }
}
