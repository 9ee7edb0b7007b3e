"""What the database itself holds about who may do what, whatever a program says.

Roles that exclude each other are nobody's at once; an administrator always remains; what lets
somebody change anything, and a link to the identity provider, is there by an approval of two; what
was proposed is approved or declined by somebody who works here and has the role for it. So it is
with a day's closing, an opening balance and the words of charges, whose rows say who decided.
"""

from __future__ import annotations

from payments.changes import Change
from payments.staff import EXCLUDED, Role, grants, identities

_EXCLUDED = " OR ".join(
    f"(NEW.role = '{one}' AND role = '{other}')"
    for pair in sorted(sorted(pair) for pair in EXCLUDED)
    for one, other in (pair, pair[::-1])
)
_ROLES_CLASH = f"""EXISTS (
    SELECT 1 FROM staff_role WHERE staff_id = NEW.staff_id AND ({_EXCLUDED}))"""  # noqa: S608  the words of our own roles

_ADMINISTRATORS = """staff_role AS held JOIN staff AS person ON person.id = held.staff_id
    WHERE held.role = 'administrator' AND person.active"""

_LAST_TAKEN = f"""OLD.role = 'administrator'
    AND EXISTS (SELECT 1 FROM staff WHERE id = OLD.staff_id AND active)
    AND NOT EXISTS (SELECT 1 FROM {_ADMINISTRATORS} AND person.id <> OLD.staff_id)"""  # noqa: S608  our own words

_LAST_LEAVES = f"""OLD.active AND NOT NEW.active
    AND EXISTS (SELECT 1 FROM staff_role WHERE staff_id = OLD.id AND role = 'administrator')
    AND NOT EXISTS (SELECT 1 FROM {_ADMINISTRATORS} AND person.id <> OLD.id)"""  # noqa: S608  our own words


def _not_approved(action: str, giver: str) -> str:
    """That no approval says this: of this action, about this person, approved by the giver."""
    return f"""NOT EXISTS (
    SELECT 1 FROM approval WHERE id = NEW.approval_id AND action = '{action}'
    AND subject = 'staff:' || NEW.staff_id AND state = 'approved' AND checker = NEW.{giver}
    AND maker <> subject AND checker <> subject)"""  # noqa: S608  our own words


_ROLE_NOT_APPROVED = f"NEW.approval_id IS NOT NULL AND {_not_approved(grants.ACTION, 'given_by')}"
_LINK_NOT_APPROVED = _not_approved(identities.ACTION, "linked_by")


_OF_ADMINISTRATORS = ", ".join(
    f"'{one}'" for one in sorted([*Change, grants.ACTION, identities.ACTION])
)


def _may_not(column: str, role: str) -> str:
    """That who stands in a column does not work here with the role.

    Before anybody works here, nobody could decide anything: then nothing is asked.
    """
    return f"""EXISTS (SELECT 1 FROM staff) AND NOT EXISTS (
    SELECT 1 FROM staff AS person JOIN staff_role AS held ON held.staff_id = person.id
    WHERE 'staff:' || person.id = NEW.{column} AND person.active AND held.role = {role})"""  # noqa: S608  our own words


_ITS_ROLE = f"""CASE WHEN NEW.action IN ({_OF_ADMINISTRATORS}) THEN '{Role.ADMINISTRATOR}'
        ELSE '{Role.APPROVER}' END"""
_DECIDED = "NEW.state IN ('approved', 'declined')"
_CHECKER_MAY_NOT = f"{_DECIDED} AND {_may_not('checker', _ITS_ROLE)}"

_DECIDED_IN = (
    ("account_day", "closed_by"),
    ("account_opening", "approved_by"),
    ("line_pattern", "confirmed_by"),
)
"""What an approver decides beside the table of approvals, and where that stands."""


def _decided_wrong(column: str) -> str:
    return f"NEW.{column} IS NOT NULL AND {_may_not(column, repr(Role.APPROVER.value))}"


def postgresql() -> list[str]:
    """The functions and triggers for PostgreSQL; who could be the last is locked, one by one."""
    lock = f"PERFORM 1 FROM {_ADMINISTRATORS} ORDER BY person.id FOR UPDATE OF person;"
    hold = "PERFORM 1 FROM staff WHERE id = NEW.staff_id FOR UPDATE;"
    on_role = "BEFORE INSERT ON staff_role"
    return [
        _function("refuse_role", _ROLES_CLASH, "roles exclude each other", first=hold),
        _trigger("staff_role_excluded", on_role, "refuse_role"),
        _function("refuse_role_change", "TRUE", "a role is given or taken"),
        _trigger("staff_role_stays", "BEFORE UPDATE ON staff_role", "refuse_role_change"),
        _function("refuse_lone_role", _ROLE_NOT_APPROVED, "a role is given by two"),
        _trigger("staff_role_by_two", on_role, "refuse_lone_role"),
        _function("refuse_lone_link", _LINK_NOT_APPROVED, "a link is made by two"),
        _trigger("staff_identity_by_two", "BEFORE INSERT ON staff_identity", "refuse_lone_link"),
        _function("keep_last_role", _LAST_TAKEN, _LAST, first=lock, gives="OLD"),
        _trigger("staff_role_keeps_last", "BEFORE DELETE ON staff_role", "keep_last_role"),
        _function("keep_last_person", _LAST_LEAVES, _LAST, first=lock),
        _trigger("staff_keeps_last", "BEFORE UPDATE OF active ON staff", "keep_last_person"),
        _function("refuse_checker", _CHECKER_MAY_NOT, _MAY_NOT),
        _trigger("approval_checked", f"BEFORE {_DECIDES}", "refuse_checker"),
        _function("refuse_begun", "NEW.state <> 'proposed'", _BEGINS),
        _trigger("approval_begins", "BEFORE INSERT ON approval", "refuse_begun"),
        *[made for table, column in _DECIDED_IN for made in _kept_by_approvers(table, column)],
    ]


def _kept_by_approvers(table: str, column: str) -> list[str]:
    return [
        _function(f"refuse_{table}_checker", _decided_wrong(column), _MAY_NOT),
        _trigger(
            f"{table}_checked",
            f"BEFORE UPDATE OF {column} ON {table}",
            f"refuse_{table}_checker",
        ),
        _function(f"refuse_{table}_begun", f"NEW.{column} IS NOT NULL", _BEGINS),
        _trigger(f"{table}_begins", f"BEFORE INSERT ON {table}", f"refuse_{table}_begun"),
    ]


def sqlite() -> list[str]:
    """The triggers for SQLite, which has one writer."""
    return [
        _guard(
            "staff_role_excluded", "INSERT ON staff_role", _ROLES_CLASH, "roles exclude each other"
        ),
        _guard("staff_role_stays", "UPDATE ON staff_role", "TRUE", "a role is given or taken"),
        _guard(
            "staff_role_by_two",
            "INSERT ON staff_role",
            _ROLE_NOT_APPROVED,
            "a role is given by two",
        ),
        _guard(
            "staff_identity_by_two",
            "INSERT ON staff_identity",
            _LINK_NOT_APPROVED,
            "a link is made by two",
        ),
        _guard("staff_role_keeps_last", "DELETE ON staff_role", _LAST_TAKEN, _LAST),
        _guard("staff_keeps_last", "UPDATE OF active ON staff", _LAST_LEAVES, _LAST),
        _guard("approval_checked", _DECIDES, _CHECKER_MAY_NOT, _MAY_NOT),
        _guard("approval_begins", "INSERT ON approval", "NEW.state <> 'proposed'", _BEGINS),
        *[made for table, column in _DECIDED_IN for made in _guarded_for_approvers(table, column)],
    ]


def _guarded_for_approvers(table: str, column: str) -> list[str]:
    event = f"UPDATE OF {column} ON {table}"
    return [
        _guard(f"{table}_checked", event, _decided_wrong(column), _MAY_NOT),
        _guard(f"{table}_begins", f"INSERT ON {table}", f"NEW.{column} IS NOT NULL", _BEGINS),
    ]


_LAST = "an administrator remains"
_MAY_NOT = "a decision is its role''s"
_BEGINS = "what is decided was proposed"
_DECIDES = "UPDATE OF state, checker ON approval"


def _function(name: str, wrong: str, told: str, *, first: str = "", gives: str = "NEW") -> str:
    lines = [f"    {first}"] if first else []
    return "\n".join(
        [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$",
            "BEGIN",
            *lines,
            f"    IF {wrong} THEN",
            f"        RAISE EXCEPTION '{told}' USING ERRCODE = 'restrict_violation';",
            "    END IF;",
            f"    RETURN {gives};",
            "END $$",
        ]
    )


def _trigger(name: str, event: str, function: str) -> str:
    return f"CREATE TRIGGER {name} {event}\nFOR EACH ROW EXECUTE FUNCTION {function}()"


def _guard(name: str, event: str, wrong: str, told: str) -> str:
    refused = f"BEGIN SELECT RAISE(ABORT, '{told}'); END"
    return f"CREATE TRIGGER {name} BEFORE {event}\nWHEN {wrong}\n{refused}"
