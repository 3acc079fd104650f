-- Which APIs can be spoken is for the program to say, which refuses every other before it writes.
alter table provider drop constraint provider_dialect_check;
