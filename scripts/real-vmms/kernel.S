/*
 * The smallest kernel that a PC's firmware boots: 16-bit code with the header of the Linux/x86 boot protocol, which says one line on the first serial
 * port and ends QEMU through its isa-debug-exit device (port 0xf4): exit status 0x21.
 */
    .code16
    .text
    .global _start
_start:
    .org 0x1f1
    .byte 1                 /* setup_sects: the code below */
    .word 0
    .long 1                 /* syssize, in 16 bytes: what follows the setup */
    .word 0, 0, 0
    .word 0xaa55
    jmp begin               /* 0x200: where the loader enters, CS 0x20 paragraphs behind the beginning */
    .ascii "HdrS"
    .word 0x020c            /* version of the protocol */
    .long 0
    .word 0, 0
    .byte 0, 1              /* type_of_loader; loadflags: the rest goes to 1 MiB */
    .word 0
    .long 0x100000          /* code32_start */
    .long 0, 0, 0
    .word 0, 0
    .long 0
    .long 0x37ffffff        /* initrd_addr_max */
    .org 0x280
begin:
    mov $0x3f8, %dx
    mov $(line - 0x200), %si
1:  lodsb %cs:(%si), %al
    test %al, %al
    jz 2f
    out %al, %dx
    jmp 1b
2:  mov $0x10, %al
    mov $0xf4, %dx
    out %al, %dx
3:  hlt
    jmp 3b
line:
    .asciz "the kernel was booted\n"
    .org 0x400
    .fill 16, 1, 0xf4       /* the 32-bit part: nobody comes here */
