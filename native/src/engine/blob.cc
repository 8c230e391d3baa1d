#include "engine/blob.h"

#include <cstring>
#include <string_view>

namespace ane::engine {
namespace {

constexpr uint32_t kSentinel = 0xDEADBEEF;
constexpr uint64_t kRecordBytes = 64;

// The code of an element type in a metadata record; 0 when a file cannot hold it.
uint32_t RecordType(const TensorType& type) {
  switch (type.bits) {
    case 1: return 9;
    case 2: return 10;
    case 3: return 12;
    case 4: return type.dtype == Dtype::kInt8 ? 8 : 11;
    case 6: return 13;
    default: break;
  }
  switch (type.dtype) {
    case Dtype::kFp16: return 1;
    case Dtype::kFp32: return 2;
    case Dtype::kUint8: return 3;
    case Dtype::kInt8: return 4;
    case Dtype::kInt16: return 6;
    case Dtype::kUint16: return 7;
    case Dtype::kInt32: return 14;
    case Dtype::kUint32: return 15;
    default: return 0;
  }
}

template <typename T>
T Read(std::span<const uint8_t> file, uint64_t at) {
  T value;
  std::memcpy(&value, file.data() + at, sizeof(T));
  return value;
}

void Unpack(const uint8_t* packed, const TensorType& type, int64_t count, uint8_t* out) {
  const uint32_t mask = (1u << type.bits) - 1;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t bit = i * type.bits;
    uint32_t window = packed[bit / 8];
    if (bit % 8 + type.bits > 8) window |= uint32_t(packed[bit / 8 + 1]) << 8;
    uint32_t value = (window >> (bit % 8)) & mask;
    if (type.dtype == Dtype::kInt8 && (value >> (type.bits - 1)) != 0) value |= ~mask;
    out[i] = uint8_t(value);
  }
}

}  // namespace

bool HasRecord(std::span<const uint8_t> file, uint64_t offset) {
  return offset <= file.size() && file.size() - offset >= kRecordBytes &&
         Read<uint32_t>(file, offset) == kSentinel;
}

Result<std::shared_ptr<const Literal>> ReadBlob(std::span<const uint8_t> file, uint64_t offset,
                                                const TensorType& type, bool lenient) {
  const auto fail = [&](const std::string& expected, uint64_t got) {
    return InvalidArgument("Expected " + expected + " for the weight record at byte " +
                           std::to_string(offset) + ", got " + std::to_string(got) + ".");
  };
  constexpr std::string_view kPointer = "version https://git-lfs";
  if (file.size() >= kPointer.size() &&
      std::memcmp(file.data(), kPointer.data(), kPointer.size()) == 0) {
    return InvalidArgument(
        "Expected weights, got a Git LFS pointer. Fetch the file with git lfs pull.");
  }
  if (offset > file.size() || file.size() - offset < kRecordBytes)
    return fail("64 bytes in the file", file.size());
  if (const uint32_t sentinel = Read<uint32_t>(file, offset); sentinel != kSentinel) {
    return fail("the sentinel 0xDEADBEEF", sentinel);
  }
  const uint32_t code = Read<uint32_t>(file, offset + 4);
  uint64_t size = Read<uint64_t>(file, offset + 8);
  uint64_t payload = Read<uint64_t>(file, offset + 16);
  const int64_t count = ElementCount(type.shape);
  const uint64_t width = type.bits > 0 ? uint64_t(type.bits) : 8 * SizeOf(type.dtype);
  const uint64_t wanted = (uint64_t(count) * width + 7) / 8;
  if (RecordType(type) == 0)
    return InvalidArgument("Expected a type weight files hold, got " + TypeText(type) + ".");
  if (lenient) {
    if (payload == 0) payload = offset + kRecordBytes;
    size = wanted;
  }
  if (!lenient && code != RecordType(type))
    return fail("element type " + std::to_string(RecordType(type)), code);
  if (size != wanted) return fail(std::to_string(wanted) + " bytes", size);
  // A payload inside the header or the record itself would be read as numbers without notice.
  if (payload < kRecordBytes || (payload < offset + kRecordBytes && payload + size > offset)) {
    return fail("a payload outside of the records", payload);
  }
  if (payload > file.size() || file.size() - payload < size)
    return fail("a payload inside the file", payload);
  auto literal = std::make_shared<Literal>();
  literal->type = type;
  if (type.bits > 0) {
    literal->bytes.resize(size_t(count));
    Unpack(file.data() + payload, type, count, literal->bytes.data());
  } else {
    literal->bytes.assign(file.data() + payload, file.data() + payload + size);
  }
  return std::shared_ptr<const Literal>(std::move(literal));
}

}  // namespace ane::engine
