#include "sim/surface.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "sim/export.h"
#include "sim/foundation.h"
#include "sim/method.h"

namespace ane::sim {
namespace {

constexpr size_t kPage = 16384;  // of Apple's processors
constexpr uint32_t kReadOnly = 1;
constexpr int32_t kBadArgument = int32_t(0xe00002c2);  // kIOReturnBadArgument
constexpr int64_t kMaxBytes = int64_t(1) << 40;

int64_t Property(const Dictionary& properties, const char* key, int64_t otherwise) {
  const auto found = properties.items.find(key);
  if (found == properties.items.end()) return otherwise;
  const Number* number = Expect<Number>(found->second, key);
  return number == nullptr ? -1 : number->value;
}

Surface* MakeSurface(size_t bytes) {
  if (FaultDue(Call::kSurface)) return nullptr;
  const size_t rounded = (bytes + kPage - 1) / kPage * kPage;
  void* memory = std::aligned_alloc(kPage, rounded);
  if (memory == nullptr) return nullptr;
  std::memset(memory, 0, rounded);
  Surface* surface = Create<Surface>();
  surface->memory = memory;
  surface->bytes = bytes;
  Count([&](Counters& counters) {
    ++counters.live_surfaces;
    counters.live_surface_bytes += int64_t(bytes);
  });
  return surface;
}

Id Constant(const char* text) {
  String* made = Create<String>();
  made->text = text;
  MakeImmortal(made);
  return made;
}

}  // namespace

Surface::~Surface() {
  if (locks.load() != 0) {
    RecordError("Expected an unlocked surface to release, got one with " +
                std::to_string(locks.load()) + " locks.");
  }
  std::free(memory);
  Count([&](Counters& counters) {
    --counters.live_surfaces;
    counters.live_surface_bytes -= int64_t(bytes);
    if (locks.load() != 0) --counters.locked_surfaces;
  });
}

}  // namespace ane::sim

using namespace ane::sim;

extern "C" {

#define ANE_SIM_KEY(name) ANE_SIM_EXPORT const void* kIOSurface##name = nullptr;
ANE_SIM_KEY(Width)
ANE_SIM_KEY(Height)
ANE_SIM_KEY(BytesPerElement)
ANE_SIM_KEY(BytesPerRow)
ANE_SIM_KEY(AllocSize)
ANE_SIM_KEY(PixelFormat)
#undef ANE_SIM_KEY

// The caller owns the result; NULL for sizes that contradict each other.
ANE_SIM_EXPORT Surface* IOSurfaceCreate(Id properties) noexcept {
  const Dictionary* given = Expect<Dictionary>(properties, "IOSurfaceCreate");
  if (given == nullptr) return nullptr;
  const int64_t width = Property(*given, "IOSurfaceWidth", 0),
                height = Property(*given, "IOSurfaceHeight", 0),
                element = Property(*given, "IOSurfaceBytesPerElement", 1),
                row = Property(*given, "IOSurfaceBytesPerRow", width * element),
                bytes = Property(*given, "IOSurfaceAllocSize", row * height);
  const bool fits = width >= 1 && height >= 1 && element >= 1 && width <= kMaxBytes &&
                    height <= kMaxBytes && element <= 1024 && row >= width * element &&
                    row <= kMaxBytes && bytes <= kMaxBytes && bytes / row >= height;
  if (fits) return MakeSurface(size_t(bytes));
  RecordError("Expected sizes of a surface, got width " + std::to_string(width) + ", height " +
              std::to_string(height) + ", " + std::to_string(row) + " bytes per row, " +
              std::to_string(bytes) + " bytes.");
  return nullptr;
}

ANE_SIM_EXPORT void* IOSurfaceGetBaseAddress(Id surface) noexcept {
  Surface* found = Expect<Surface>(surface, "IOSurfaceGetBaseAddress");
  return found == nullptr ? nullptr : found->memory;
}

ANE_SIM_EXPORT size_t IOSurfaceGetAllocSize(Id surface) noexcept {
  Surface* found = Expect<Surface>(surface, "IOSurfaceGetAllocSize");
  return found == nullptr ? 0 : found->bytes;
}

ANE_SIM_EXPORT int32_t IOSurfaceLock(Id surface, uint32_t, uint32_t* seed) noexcept {
  Surface* found = Expect<Surface>(surface, "IOSurfaceLock");
  if (found == nullptr) return kBadArgument;
  if (found->locks.fetch_add(1) == 0) Count([](Counters& counters) { ++counters.locked_surfaces; });
  if (seed != nullptr) *seed = found->seed.load();
  return 0;
}

ANE_SIM_EXPORT int32_t IOSurfaceUnlock(Id surface, uint32_t options, uint32_t* seed) noexcept {
  Surface* found = Expect<Surface>(surface, "IOSurfaceUnlock");
  if (found == nullptr) return kBadArgument;
  int locks = found->locks.load();
  do {
    if (locks == 0) {
      RecordError("Expected a locked surface for IOSurfaceUnlock, got one without locks.");
      return kBadArgument;
    }
  } while (!found->locks.compare_exchange_weak(locks, locks - 1));
  if ((options & kReadOnly) == 0) found->seed.fetch_add(1);
  if (locks == 1) Count([](Counters& counters) { --counters.locked_surfaces; });
  if (seed != nullptr) *seed = found->seed.load();
  return 0;
}

}  // extern "C"

namespace ane::sim {

void RegisterSurface() {
  Register<Surface>("IOSurface", kClass<Object>);
  kIOSurfaceWidth = Constant("IOSurfaceWidth");
  kIOSurfaceHeight = Constant("IOSurfaceHeight");
  kIOSurfaceBytesPerElement = Constant("IOSurfaceBytesPerElement");
  kIOSurfaceBytesPerRow = Constant("IOSurfaceBytesPerRow");
  kIOSurfaceAllocSize = Constant("IOSurfaceAllocSize");
  kIOSurfacePixelFormat = Constant("IOSurfacePixelFormat");
}

}  // namespace ane::sim
