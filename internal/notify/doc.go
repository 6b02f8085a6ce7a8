// Package notify owns how a message travels to people: a webhook whose body is
// signed, the form of Slack's incoming webhooks, a mail through SMTP, a line in the
// log. What to tell is alert's; whom, the pipeline file's.
//
// Deliver makes one attempt and says by its error whether another may help; the
// caller, an activity, tries again as Temporal lets it. A message has an id that is
// the same in every attempt, so that a receiver may drop what it has had. Addresses
// and keys are references, resolved here; no error repeats them.
//
// A webhook checks a message as Stripe's are checked: Esteira-Signature is
// "t=SECONDS,v1=HEX", HEX the HMAC-SHA256 under the shared secret of SECONDS, a dot
// and the body.
package notify
