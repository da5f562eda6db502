// One agent for each kind of memory. All share one store and one vector index, as an application's agents do.

import { Agent } from '@mastra/core/agent'
import { ModelRouterEmbeddingModel } from '@mastra/core/llm'
import { LibSQLStore, LibSQLVector } from '@mastra/libsql'
import { Memory } from '@mastra/memory'

// What is remembered, and how far it reaches. `lastMessages: false` would switch saving off too, so the agents
// that recall by meaning keep the last message: the model's own, which tells nothing of what was told before.
const MEMORIES = {
  history: { lastMessages: 10 },
  'recall-thread': { lastMessages: 1, semanticRecall: { topK: 4, messageRange: 1, scope: 'thread' } },
  'recall-resource': { lastMessages: 1, semanticRecall: { topK: 4, messageRange: 1, scope: 'resource' } },
  'recall-default': { lastMessages: 1, semanticRecall: true },
  'working-thread': { lastMessages: false, workingMemory: { enabled: true, scope: 'thread' } },
  'working-resource': { lastMessages: false, workingMemory: { enabled: true, scope: 'resource' } },
  'working-default': { lastMessages: false, workingMemory: { enabled: true } },
}

export function build({ modelUrl, apiKey, database }) {
  const storage = new LibSQLStore({ id: 'store', url: database })
  const vector = new LibSQLVector({ id: 'vectors', url: database })
  const embedder = new ModelRouterEmbeddingModel({
    providerId: 'openai-compatible',
    modelId: 'hash-64',
    url: modelUrl,
    apiKey,
  })
  const model = { providerId: 'openai-compatible', modelId: 'chat', url: modelUrl, apiKey }
  const agent = (id, memory, spoken = model) =>
    new Agent({ id, name: id, instructions: 'You are a helpful assistant.', model: spoken, memory })
  const agents = { forgetful: agent('forgetful') }
  for (const [id, options] of Object.entries(MEMORIES)) {
    agents[id] = agent(id, new Memory({ storage, vector, embedder, options }))
  }
  // The same memory as `history`; its model is spoken to by the Responses API.
  const remembered = new Memory({ storage, options: MEMORIES.history })
  agents.responses = agent('responses', remembered, { ...model, api: 'responses' })
  return { agents, storage }
}
