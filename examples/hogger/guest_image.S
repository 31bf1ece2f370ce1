    .section .rodata
    .global guest_image, guest_image_end
guest_image:
    .incbin GUEST_IMAGE
guest_image_end:
    .section .note.GNU-stack, "", @progbits
