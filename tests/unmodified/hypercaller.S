/*
 * Guest code that makes hypercalls. It asks for one by an `out`, takes its registers from the mailbox that r8 points at, and leaves
 * what came back there. Position-independent: the test copies it to where it wants it.
 *
 * Mailbox (8-byte words): 0 number, 1 to 3 arguments, 4 result, 5 how many so far.
 */
    .section .rodata
    .global hypercaller_begin, hypercaller_end, spinner_begin, spinner_end
    .code64
hypercaller_begin:
next:
    out %al, $0x10
    mov 0(%r8), %rax
    mov 8(%r8), %rbx
    mov 16(%r8), %rcx
    mov 24(%r8), %rdx
    vmcall
    mov %rax, 32(%r8)
    incq 40(%r8)
    out %al, $0x10
    mov 0(%r8), %rax
    mov 8(%r8), %rbx
    mov 16(%r8), %rcx
    mov 24(%r8), %rdx
    vmmcall
    mov %rax, 32(%r8)
    incq 40(%r8)
    jmp next
hypercaller_end:

spinner_begin:
    out %al, $0x10
1:  pause
    jmp 1b
spinner_end:

    .section .note.GNU-stack, "", @progbits
