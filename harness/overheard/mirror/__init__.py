"""The mirror: an OpenAI-compatible model server on loopback that recites, records and holds.

It stands where the target's language model would be. It says nothing of its own: asked, it recites what
it was shown, in echo tokens; told, it confirms. So an agent's memory is looked at through the one thing
every agent does with it, and what reaches the model is on record whether or not it is said aloud.

======== =========================================================================================
module   what it is about
======== =========================================================================================
server   `Mirror`: thread, loop, routes
wire     OpenAI's response shapes: completions, server-sent events, embeddings, errors
request  reading a chat request, with errors that teach
responses reading a request to the Responses API and what it continues
keep     the state behind it, by issued ids; keeper its routes, stateful its response shapes
respond  whole answers over HTTP
recite   which operation an answer belongs to, and what it says in prose
answer   what an answer is: a tool call, a document, or words
tools    whether an answer is a tool call, and which
working  what a working memory holds, for tools that replace all of it
identity whose memory it is, where a tool wants to be told
form     documents that satisfy a JSON schema; schema reads schemas, scalars fills in single values
words    which field names are labels, which carry content; which tool names mean remembering
embed    hashed bags of words
log      who is told of every call
pace     how long an answer is kept: latency and rendezvous
gate     keeping answers until a schedule releases them
environ  the variables that lead a target here and keep it off the network
serve    the mirror alone, in the foreground
======== =========================================================================================
"""
