#include "engine/types.h"

namespace ane::engine {

const char* DtypeName(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFp16: return "fp16";
    case Dtype::kFp32: return "fp32";
    case Dtype::kFp64: return "fp64";
    case Dtype::kInt8: return "int8";
    case Dtype::kUint8: return "uint8";
    case Dtype::kInt16: return "int16";
    case Dtype::kUint16: return "uint16";
    case Dtype::kInt32: return "int32";
    case Dtype::kUint32: return "uint32";
    case Dtype::kInt64: return "int64";
    case Dtype::kUint64: return "uint64";
    case Dtype::kBool: return "bool";
    case Dtype::kString: return "string";
  }
  return "?";
}

std::string ShapeText(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i] == kUnknownDim ? "?" : std::to_string(shape[i]);
  }
  return text + "]";
}

std::string TypeText(const TensorType& type) {
  return std::string(DtypeName(type.dtype)) + " " + ShapeText(type.shape);
}

}  // namespace ane::engine
