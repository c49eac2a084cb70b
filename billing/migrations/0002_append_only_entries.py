"""The database itself refuses to change history. A test's flush may: `SET sdsite.allow_flush = 'on'`."""

from typing import ClassVar

from django.db import migrations

PROTECT = """
CREATE FUNCTION billing_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('sdsite.allow_flush', true) = 'on' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    RAISE EXCEPTION '% refused: entries are append-only', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Correct a mistake by another entry.';
END
$$;

CREATE TRIGGER billing_entry_no_change BEFORE UPDATE OR DELETE ON billing_entry
    FOR EACH ROW EXECUTE FUNCTION billing_entry_is_append_only();
CREATE TRIGGER billing_entry_no_truncate BEFORE TRUNCATE ON billing_entry
    FOR EACH STATEMENT EXECUTE FUNCTION billing_entry_is_append_only();
"""

UNPROTECT = """
DROP TRIGGER billing_entry_no_truncate ON billing_entry;
DROP TRIGGER billing_entry_no_change ON billing_entry;
DROP FUNCTION billing_entry_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("billing", "0001_initial")]

    operations: ClassVar = [migrations.RunSQL(PROTECT, UNPROTECT)]
