/* Where a vCPU begins (rdi: its number, rsp: its stack, set by the VMM), and what C cannot say. */
    .section .text.start, "ax"
    .code64
    .global start
start:
    cld
    call guest_main
1:  out %al, $0x12              /* PORT_DONE */
    jmp 1b

/* long map_gpa_range(gpa, pages, attributes): KVM_HC_MAP_GPA_RANGE */
    .text
    .global map_gpa_range
map_gpa_range:
    push %rbx
    mov $12, %eax
    mov %rdi, %rbx
    mov %rsi, %rcx
    vmcall
    pop %rbx
    ret

/* void tell(port): the VMM is told, and runs us again */
    .global tell
tell:
    mov %edi, %edx
    out %al, %dx
    ret

    .section .note.GNU-stack, "", @progbits
