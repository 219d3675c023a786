// Door `@dl/onnx`: ONNX files in and out.
export { importOnnx, type ImportOptions } from './import/import-onnx.ts'
export type { ExternalData } from './import/external-data.ts'
export { OnnxModel } from './import/model.ts'
export { exportOnnx, type ExportOptions } from './export/export-onnx.ts'
export type { ValueInfo } from './import/graph.ts'
export type { InitializerInfo } from './import/weights.ts'
export type { Feeds } from './import/feeds.ts'
export { OnnxError, type OnnxErrorCode } from './errors.ts'
