// Reading arguments: every function checks the type of what it got and names it in its message.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/status.h"
#include "schedule/surface.h"

namespace ane::node {

Result<int64_t> GetInteger(const Napi::Value& value, const std::string& name, int64_t min, int64_t max);
Result<std::string> GetString(const Napi::Value& value, const std::string& name);
Result<bool> GetBoolean(const Napi::Value& value, const std::string& name);
Result<Napi::Array> GetArray(const Napi::Value& value, const std::string& name);
Result<std::vector<int64_t>> GetShape(const Napi::Value& value, const std::string& name);
// Live or disposed; callers that need a live one check.
Result<std::vector<std::shared_ptr<Surface>>> GetSurfaces(const Napi::Value& value, const std::string& name);

// The memory of a typed array over an attached, fixed-length ArrayBuffer.
struct ArrayMemory {
  Napi::ArrayBuffer buffer;
  void* data;
  size_t bytes;
  napi_typedarray_type type;
};
Result<ArrayMemory> GetTypedArray(const Napi::Value& value, const std::string& name);

// An array whose memory is used after the call that named it.
struct ArrayReference {
  explicit ArrayReference(const ArrayMemory& memory);
  // Whether the buffer still has the memory it had; runs no JavaScript.
  bool intact() const;

  Napi::Reference<Napi::ArrayBuffer> buffer;
  const void* data;
  size_t bytes;
};

// Remembers JavaScript's own test for resizable buffers before any program can replace it.
void PrepareArguments(Napi::Env env);

}  // namespace ane::node
