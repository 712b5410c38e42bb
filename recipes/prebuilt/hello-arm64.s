// Linux on arm64: write(1, message, length), then exit(0).

        .globl  _start
        .text
_start:
        mov     x8, #64                 // the system call: write
        mov     x0, #1                  // to standard output
        adr     x1, message
        mov     x2, #length
        svc     #0

        mov     x8, #93                 // the system call: exit
        mov     x0, #0                  // with status 0
        svc     #0

        .section .rodata
message:
        .ascii  "hello from a prebuilt binary\n"
        .equ    length, . - message

        .section .note.GNU-stack, "", %progbits
