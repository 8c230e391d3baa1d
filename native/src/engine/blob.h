// Weight files: MILBlob storage version 2.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "engine/types.h"

namespace ane::engine {

// Whether a metadata record begins at `offset` and ends inside the file.
bool HasRecord(std::span<const uint8_t> file, uint64_t offset);

// Copies the payload of the metadata record at `offset` as a constant of `type`; sub-byte elements
// are widened to one byte each. A lenient read takes the payload 64 bytes after the record when the
// record's own pointer is 0, and ignores its element type and size.
Result<std::shared_ptr<const Literal>> ReadBlob(std::span<const uint8_t> file, uint64_t offset,
                                                const TensorType& type, bool lenient);

}  // namespace ane::engine
