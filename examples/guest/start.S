# Where every program begins: an empty .bss, a stack, and `main`. What it returns ends the machine.
    .section .text.start
    .globl _start
_start:
    la      sp, stack_top
    la      t0, bss_begin
    la      t1, bss_end
1:  bgeu    t0, t1, 2f
    sd      zero, 0(t0)
    addi    t0, t0, 8
    j       1b
2:  call    main
    call    finish
