/*
 * The guest: a command interpreter in 64-bit mode. It asks for a command by an `out`, finds it in the mailbox page when it is run
 * again, carries it out, and asks for the next one.
 *
 * Mailbox (8-byte words): 0 operation, 1 address, 2 length or value, 3 result.
 */
    .section .rodata
    .global guest_begin, guest_end
    .code64
guest_begin:
    mov $0x3000, %ebx           /* MAILBOX of guest.h */
next:
    out %al, $0x10              /* PORT: "done, what next?" */
    mov 0(%rbx), %rax
    mov 8(%rbx), %rsi
    mov 16(%rbx), %rcx
    cmp $1, %rax
    je sum
    cmp $2, %rax
    je fill
    cmp $3, %rax
    je load
    jmp next

sum:                            /* result = sum of the bytes */
    xor %edx, %edx
    xor %eax, %eax
1:  test %rcx, %rcx
    jz answer
    movzbl (%rsi), %eax
    add %rax, %rdx
    inc %rsi
    dec %rcx
    jmp 1b

fill:                           /* one byte per page: its low page number plus 1, for `length` pages */
    xor %edx, %edx
1:  test %rcx, %rcx
    jz answer
    inc %rdx
    mov %dl, (%rsi)
    add $4096, %rsi
    dec %rcx
    jmp 1b

load:                           /* result = the word at the address */
    mov (%rsi), %rdx
answer:
    mov %rdx, 24(%rbx)
    jmp next
guest_end:

    .section .note.GNU-stack, "", @progbits
