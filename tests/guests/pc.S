/* A guest for x86 machines that verifies its memory: firmware of 64 KiB, the option -bios of QEMU.

   In each pass, each page from START to END must contain the number of the pass, and at its end the number and the
   address of the page, combined with exclusive or. The guest then writes the next number to the page. On input on the
   first serial port it answers with R. If a page is wrong, it prints W for ever. */
    .equ START, 0x100000
    .equ END, 0x500000
    .code16
    .globl _start
_start:
    cli
    lgdtl %cs:gdtr
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $(0xffff0000 + protected)
    .code32
protected:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %ss
    movl $START, %ebx
fill:
    movl $0, (%ebx)
    movl %ebx, 4092(%ebx)
    addl $4096, %ebx
    cmpl $END, %ebx
    jb fill
    xorl %ebp, %ebp
pass:
    movl $START, %ebx
page:
    cmpl %ebp, (%ebx)
    jne wrong
    movl %ebp, %eax
    xorl %ebx, %eax
    cmpl %eax, 4092(%ebx)
    jne wrong
    leal 1(%ebp), %eax
    movl %eax, (%ebx)
    xorl %ebx, %eax
    movl %eax, 4092(%ebx)
    movl $200, %ecx
delay:
    decl %ecx
    jnz delay
    addl $4096, %ebx
    cmpl $END, %ebx
    jb page
    incl %ebp
    movw $0x3fd, %dx
    inb (%dx), %al
    testb $1, %al
    jz pass
    movw $0x3f8, %dx
    inb (%dx), %al
    movb $'R', %al
    outb %al, (%dx)
    jmp pass
wrong:
    movw $0x3f8, %dx
    movb $'W', %al
    outb %al, (%dx)
    jmp wrong
    .balign 8
gdt: .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr: .word 23
    .long 0xffff0000 + gdt
    .org 0xfff0
    .code16
    jmp _start
    .org 0x10000
