// What a page downloads on top of @dl/tensor to read and write ONNX files.
export { exportOnnx, importOnnx } from '@dl/onnx'
