// The evaluation requests of one program: one per distinct set of surfaces it is bound to.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "ane/services.h"
#include "engine/executable.h"

namespace ane {

// One request, ready to evaluate again and again.
struct Request {
  struct Copy {
    void* to;
    const void* from;
    size_t bytes;
  };
  std::vector<const void*> key;  // base addresses of inputs and outputs in declared order
  std::vector<std::shared_ptr<DeviceSurface>> surfaces;
  std::vector<Copy> before, after;  // between surfaces and the larger ones that stand in for them
  ObjectRef object;
};

// The inputs or the outputs of a program in the order the Neural Engine binds them.
struct Ports {
  std::vector<size_t> order;                   // declared indices, by name
  std::vector<size_t> bytes;                   // by declared index
  std::vector<std::shared_ptr<void>> staging;  // by declared index; set where the surface is smaller than the largest

  // The engine binds by the alphabet and wants surfaces of equal size (seen on M4 Max): smaller ones are copied.
  static Result<Ports> Of(const std::vector<IoDescription>& all, AneServices& services);
};

class Requests {
 public:
  Requests(std::shared_ptr<AneServices> services, Ports inputs, Ports outputs);
  // Its model must outlive it.
  ~Requests();
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  // The request for these surfaces, made at the first call. INVALID_ARGUMENT for memory that is no surface of the
  // device, ANE_EVAL_FAILED where the framework makes no request.
  Result<std::shared_ptr<const Request>> Bind(std::span<const void* const> inputs, std::span<void* const> outputs);

 private:
  Status AddPorts(const Ports& ports, std::span<const void* const> bases, bool output, Id objects, Id indices,
                  Request& request) const;
  Result<std::shared_ptr<const Request>> Build(std::vector<const void*> key) const;

  const std::shared_ptr<AneServices> services_;
  const Ports inputs_, outputs_;
  // Guarded by the registry's mutex.
  std::unordered_multimap<uint64_t, std::shared_ptr<const Request>> requests_;
  uint64_t listener_;
};

}  // namespace ane
