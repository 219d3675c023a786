// The reference interpreter: what every primitive means, and a backend made of it.
export { evaluateNode } from './evaluate.ts'
export { createReferenceBackend, referenceBackend } from './backend.ts'
