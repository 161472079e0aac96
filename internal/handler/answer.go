package handler

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"unicode"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/fault"
)

// unanswered is a failure to answer, about which nobody can be told but Lambda or the machine.
type unanswered struct{ err error }

func (u *unanswered) Error() string { return "answer CloudFormation: " + u.err.Error() }

// response is the frame of every answer to a request, so that repeated answers are equal.
func (r request) response() contract.Response {
	return contract.Response{
		PhysicalResourceId: r.physicalID(), StackId: r.StackID, RequestId: r.RequestID, LogicalResourceId: r.LogicalID,
	}
}

// succeed answers SUCCESS; a deletion has no data.
func (h *Handler) succeed(ctx context.Context, r request, data *contract.Answer) error {
	answer := r.response()
	answer.Status, answer.Data = contract.Success, data
	return h.put(ctx, r, answer)
}

// fail answers FAILED with a text for the user. A deletion is never failed: what still runs ends by its own
// time-out, while a stack that cannot be deleted stays until somebody mends it.
func (h *Handler) fail(ctx context.Context, r request, reason string) error {
	if r.Type == deleteRequest {
		h.Log.Error("deleted all the same", "reason", reason)
		return h.succeed(ctx, r, nil)
	}
	answer := r.response()
	answer.Status, answer.Reason = contract.Failed, reason+h.ownLog()
	if room := answer.Room(); contract.Escaped(answer.Reason) > room { // the pointer to the log must stay
		answer.Reason = shorten(reason, room-contract.Escaped(h.ownLog())) + h.ownLog()
	}
	h.Log.Error("failed", "reason", reason)
	return h.put(ctx, r, answer)
}

// ownLog names the function's own log stream, the way in which the CDK CLI looks for it to show the log.
func (h *Handler) ownLog() string {
	if h.LogStream == "" {
		return ""
	}
	return "\nCloudWatch Log Stream: " + h.LogStream
}

// room is how many bytes of JSON a reason may take.
func (h *Handler) room(r request) int { return r.response().Room() - contract.Escaped(h.ownLog()) }

func (h *Handler) put(ctx context.Context, r request, answer contract.Response) error {
	answer.Reason = printable(answer.Reason)
	body, err := answer.Encode()
	if err != nil {
		return &unanswered{err}
	}
	if err := h.Responder.Put(ctx, r.URL, body); err != nil {
		return &unanswered{err}
	}
	h.Log.Info("answered", "status", string(answer.Status), "resource", r.LogicalID)
	return nil
}

// describe is the text of an error that is not a build's.
func describe(err error) string {
	switch fault.KindOf(err) {
	case fault.Denied:
		return "A permission is missing: " + err.Error()
	case fault.Throttled:
		return "AWS throttles the account's calls, and it did not pass: " + err.Error() + "\n" + throttleHint
	}
	return err.Error()
}

// panicked logs where the handler broke and returns what the user is told. What a panic carries may be anything,
// so only the runtime's own errors are written down.
func (h *Handler) panicked(p any) string {
	text := fmt.Sprintf("%T", p)
	if e, ok := p.(runtime.Error); ok {
		text = e.Error()
	}
	h.Log.Error("panic", "error", text, "stack", string(debug.Stack()))
	return "The handler of tokendocker broke on this request; its log holds the place. Please report it."
}

// printable replaces what CloudFormation's events do not take (cloudformation-coverage-roadmap#1601).
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || unicode.IsPrint(c) && c != unicode.ReplacementChar:
			return c
		case unicode.IsSpace(c):
			return ' '
		}
		return -1
	}, s)
}

// shorten cuts s so that it takes at most room bytes in JSON.
func shorten(s string, room int) string {
	runes := []rune(s)
	for len(runes) > 0 && contract.Escaped(string(runes)) > room {
		over := contract.Escaped(string(runes)) - room
		runes = runes[:max(0, len(runes)-max(1, over/6))]
	}
	return string(runes)
}
