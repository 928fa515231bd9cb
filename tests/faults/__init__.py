"""What is promised when something breaks, shown by breaking the real thing.

`make test ARGS='-m faults'` runs these alone; FAULT_ROUNDS=200 makes a soak of the kills. Each row
of the promises with the tests that show it (here, where no other folder is named):

web process killed during registrations
    test_kills: web_and_worker_killed_at_any_instant
worker killed mid-send; a late "done" is refused
    test_kills: the same, and a_worker_that_wakes_up_after_its_lease
    tests/scripts/test_send_mail.py: killed_while_sending, ends_cleanly_after_the_mail_in_hand
    tests/users/test_outbox.py: a_late_word_of_a_dead_claim (on a real mongod too)
SMTP down, slow, 421, 4xx, dropped mid-DATA; 5xx for one recipient; a resend tries anew
    test_mail_server: an_awkward_server_holds_up_no_page
    tests/mail/test_delivery.py: each answer at each command, backoff and jitter, closed connections
SMTP refuses login or sender, self-signed certificate
    test_mail_server: what_an_operator_must_mend
    tests/mail/test_delivery.py: TestBlocked, TestEncryption
connection lost after the final dot; lost at QUIT
    test_mail_server: an_awkward_server, what_was_taken_before_a_lost_goodbye
    tests/mail/test_delivery.py: TestLostConnection
primary of three killed under load
    test_kills: the_primary_of_three_is_killed
    tests/users/test_on_mongod.py: every_write_waits_for_a_majority_and_the_journal
write outcome unknown
    test_unknown_outcomes, for every form
    tests/scripts/test_create_admin.py: run_again_it_recognises_what_it_has_done
MongoDB away at start, at run time
    test_mongodb_away
    tests/web/test_errors.py: TestWithoutDatabase
200 registrations of one address at once
    test_races
resend against resend, confirm against resend, change against change, two tabs on everything
    test_races
    tests/users/test_on_mongod.py: the same at the repository, many rounds
index missing or different
    tests/web/test_health.py, tests/scripts/test_create_indexes.py (both on a real mongod)
"""
