// Door `@dl/onnx`: ONNX files in and out.
export { importOnnx } from './import/import-onnx.ts'
export { OnnxModel } from './import/model.ts'
export { exportOnnx, type ExportOptions } from './export/export-onnx.ts'
export type { ValueInfo } from './import/graph.ts'
export type { InitializerInfo } from './import/weights.ts'
export type { Feeds } from './import/feeds.ts'
export { OnnxError } from './errors.ts'
