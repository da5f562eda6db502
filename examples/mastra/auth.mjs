// Who is calling. A token here is `token-` and the user's name, percent-encoded: it stands in for whatever your
// identity provider signs, and is worth nothing outside of tests.

const PREFIX = 'token-'

export function userOf(token) {
  if (!token?.startsWith(PREFIX)) return null
  try {
    const id = decodeURIComponent(token.slice(PREFIX.length))
    return id ? { id } : null
  } catch {
    return null
  }
}

// The reference rule's `getUserFromAuth`.
export function getUserFromAuth(request) {
  const header = request.header('authorization') ?? ''
  return header.startsWith('Bearer ') ? (userOf(header.slice('Bearer '.length))?.id ?? null) : null
}

// `none`: everybody may call. `believed`: callers are authenticated, and the resource they name is believed.
// `mapped`: callers are authenticated, and the resource is derived from who they are.
export function serverAuth(mode) {
  if (mode === 'none') return {}
  const auth = { name: 'tokens', authenticateToken: async token => userOf(token), authorizeUser: async user => !!user }
  if (mode === 'mapped') auth.mapUserToResourceId = user => user.id
  return { auth }
}
