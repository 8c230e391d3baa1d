// The C functions of the Objective-C runtime.
#include "sim/export.h"
#include "sim/object.h"
#include "sim/state.h"

using namespace ane::sim;

namespace {

uint64_t ReturnZero() { return 0; }

Class* ClassOf(Id object) { return object->isa; }

}  // namespace

extern "C" {

// What a message runs. Called by the trampoline below, which keeps the arguments.
__attribute__((visibility("hidden"), used)) Imp ane_sim_resolve(Id self, Sel selector) noexcept {
  const Imp zero = reinterpret_cast<Imp>(&ReturnZero);
  if (self == nullptr) return zero;
  if (!IsLive(self)) {
    RecordError("Expected a live object for " + (selector ? selector->name : "(null)") +
                ", got one that no longer exists.");
    return zero;
  }
  const Method* method = selector == nullptr ? nullptr : FindMethod(ClassOf(self), selector);
  if (method != nullptr) return method->implementation;
  const bool meta = ClassOf(self)->meta;
  RecordError(std::string("unrecognized selector ") + (meta ? "+[" : "-[") + ClassOf(self)->name +
              " " + (selector ? selector->name : "(null)") + "]");
  return zero;
}

ANE_SIM_EXPORT Class* objc_getClass(const char* name) noexcept {
  Class* found = name == nullptr ? nullptr : FindClass(name);
  return found != nullptr && found->framework && FrameworkMissing() ? nullptr : found;
}
ANE_SIM_EXPORT Sel sel_registerName(const char* name) noexcept {
  return name == nullptr ? nullptr : Intern(name);
}
ANE_SIM_EXPORT const char* sel_getName(Sel selector) noexcept {
  return selector == nullptr ? "<null selector>" : selector->name.c_str();
}
ANE_SIM_EXPORT Method* class_getInstanceMethod(Class* of, Sel name) noexcept {
  return of == nullptr || name == nullptr ? nullptr : FindMethod(of, name);
}
ANE_SIM_EXPORT Method* class_getClassMethod(Class* of, Sel name) noexcept {
  return of == nullptr || name == nullptr ? nullptr : FindMethod(of->isa, name);
}
ANE_SIM_EXPORT const char* method_getTypeEncoding(Method* method) noexcept {
  return method == nullptr ? nullptr : method->types.c_str();
}
ANE_SIM_EXPORT Class* object_getClass(Id object) noexcept {
  return object != nullptr && IsLive(object) ? object->isa : nullptr;
}
ANE_SIM_EXPORT const char* class_getName(Class* of) noexcept {
  return of == nullptr ? "nil" : of->name.c_str();
}
ANE_SIM_EXPORT void* objc_autoreleasePoolPush() noexcept { return PushPool(); }
ANE_SIM_EXPORT void objc_autoreleasePoolPop(void* pool) noexcept { PopPool(pool); }
ANE_SIM_EXPORT Id objc_retain(Id object) noexcept { return Retain(object); }
ANE_SIM_EXPORT void objc_release(Id object) noexcept { Release(object); }
ANE_SIM_EXPORT Id objc_autorelease(Id object) noexcept { return Autorelease(object); }
ANE_SIM_EXPORT const void* CFRetain(Id object) noexcept { return Retain(object); }
ANE_SIM_EXPORT void CFRelease(Id object) noexcept { Release(object); }

}  // extern "C"

// objc_msgSend: finds the method of (self, selector) and jumps to it with every argument register
// as the caller left it.
#ifdef __APPLE__
#define ANE_SIM_SYMBOL(name) "_" #name
#define ANE_SIM_FUNCTION(name) ".globl _" #name "\n.p2align 4\n"
#else
#define ANE_SIM_SYMBOL(name) #name
#define ANE_SIM_FUNCTION(name) ".globl " #name "\n.type " #name ", %function\n.p2align 4\n"
#endif

#if defined(__x86_64__)
asm(".text\n" ANE_SIM_FUNCTION(objc_msgSend) ANE_SIM_SYMBOL(objc_msgSend) ":\n"
    R"(
    .cfi_startproc
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register %rbp
    subq $192, %rsp
    movups %xmm0, (%rsp)
    movups %xmm1, 16(%rsp)
    movups %xmm2, 32(%rsp)
    movups %xmm3, 48(%rsp)
    movups %xmm4, 64(%rsp)
    movups %xmm5, 80(%rsp)
    movups %xmm6, 96(%rsp)
    movups %xmm7, 112(%rsp)
    movq %rdi, 128(%rsp)
    movq %rsi, 136(%rsp)
    movq %rdx, 144(%rsp)
    movq %rcx, 152(%rsp)
    movq %r8, 160(%rsp)
    movq %r9, 168(%rsp)
    movq %rax, 176(%rsp)
    call )" ANE_SIM_SYMBOL(ane_sim_resolve) R"(
    movq %rax, %r11
    movups (%rsp), %xmm0
    movups 16(%rsp), %xmm1
    movups 32(%rsp), %xmm2
    movups 48(%rsp), %xmm3
    movups 64(%rsp), %xmm4
    movups 80(%rsp), %xmm5
    movups 96(%rsp), %xmm6
    movups 112(%rsp), %xmm7
    movq 128(%rsp), %rdi
    movq 136(%rsp), %rsi
    movq 144(%rsp), %rdx
    movq 152(%rsp), %rcx
    movq 160(%rsp), %r8
    movq 168(%rsp), %r9
    movq 176(%rsp), %rax
    leave
    .cfi_def_cfa %rsp, 8
    jmp *%r11
    .cfi_endproc
)");
#elif defined(__aarch64__)
asm(".text\n" ANE_SIM_FUNCTION(objc_msgSend) ANE_SIM_SYMBOL(objc_msgSend) ":\n"
    R"(
    .cfi_startproc
    stp x29, x30, [sp, #-224]!
    .cfi_def_cfa_offset 224
    .cfi_offset 29, -224
    .cfi_offset 30, -216
    mov x29, sp
    stp x0, x1, [sp, #16]
    stp x2, x3, [sp, #32]
    stp x4, x5, [sp, #48]
    stp x6, x7, [sp, #64]
    str x8, [sp, #80]
    stp q0, q1, [sp, #96]
    stp q2, q3, [sp, #128]
    stp q4, q5, [sp, #160]
    stp q6, q7, [sp, #192]
    bl )" ANE_SIM_SYMBOL(ane_sim_resolve) R"(
    mov x16, x0
    ldp x0, x1, [sp, #16]
    ldp x2, x3, [sp, #32]
    ldp x4, x5, [sp, #48]
    ldp x6, x7, [sp, #64]
    ldr x8, [sp, #80]
    ldp q0, q1, [sp, #96]
    ldp q2, q3, [sp, #128]
    ldp q4, q5, [sp, #160]
    ldp q6, q7, [sp, #192]
    ldp x29, x30, [sp], #224
    .cfi_def_cfa_offset 0
    br x16
    .cfi_endproc
)");
#else
#error "The simulator's message dispatch has an x86-64 and an AArch64 form."
#endif
