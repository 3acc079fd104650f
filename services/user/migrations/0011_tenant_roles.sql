-- Beside the built-in roles people may have one that their tenant has made. Which there are, auth knows.
alter table person drop constraint person_role_check;
alter table registration drop constraint registration_role_check;
