/*
 * A vCPU that works in memory: one command after the other, from the mailbox that r8 points at. Position-independent.
 *
 * Mailbox (8-byte words): 0 operation, 1 address, 2 length, 3 value, 4 result, 5 how many so far.
 */
    .section .rodata
    .global worker_begin, worker_end
    .code64
worker_begin:
next:
    out %al, $0x10
    mov 0(%r8), %rax
    mov 8(%r8), %rdi
    mov 16(%r8), %rcx
    mov 24(%r8), %rdx
    cmp $1, %rax
    je load
    cmp $2, %rax
    je store
    cmp $3, %rax
    je set
    cmp $4, %rax
    je check
    cmp $5, %rax
    je map
    cmp $6, %rax
    je watch
    jmp next

load:
    mov (%rdi), %rax
    jmp answer
store:
    mov %rdx, (%rdi)
    jmp answer
set:                            /* the first and the last word of each page */
    mov %rdx, (%rdi)
    mov %rdx, 4088(%rdi)
    add $4096, %rdi
    sub $4096, %rcx
    jnz set
    jmp answer
check:                          /* result = bytes left at the first word that differs; 0: none */
    cmp %rdx, (%rdi)
    jne differs
    cmp %rdx, 4088(%rdi)
    jne differs
    add $4096, %rdi
    sub $4096, %rcx
    jnz check
differs:
    mov %rcx, %rax
    jmp answer
map:                            /* KVM_HC_MAP_GPA_RANGE: length in pages, value are the attributes */
    mov $12, %eax
    mov %rdi, %rbx
    vmcall
    jmp answer
watch:                          /* reads until the word is not the value any more */
    mov (%rdi), %rax
    incq 48(%r8)
    cmp %rdx, %rax
    je watch
answer:
    mov %rax, 32(%r8)
    incq 40(%r8)
    jmp next
worker_end:

    .section .note.GNU-stack, "", @progbits
