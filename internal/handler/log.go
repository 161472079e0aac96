package handler

import (
	"context"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/internal/buildlog"
	"github.com/tokendocker/tokendocker/internal/buildspec"
	"github.com/tokendocker/tokendocker/internal/fault"
)

// log is what a build wrote, read.
type log struct {
	failure buildlog.Failure
	where   string // where a user finds all of it; empty where there is none
}

const (
	logPatience = 10 * time.Second // how long the end of a log may take to show itself
	logPause    = time.Second
	logPages    = 8 // of at most 1 MB or 10,000 events each (CloudWatch Logs API Reference, GetLogEvents)
)

// readLog reads the end of a build's log. CloudWatch Logs shows events a little late, so it waits for the marker that
// ends our part of it, unless the build did not come that far.
func (h *Handler) readLog(ctx context.Context, build Build) log {
	if build.LogStream == "" {
		return log{failure: buildlog.Read(nil)}
	}
	where := "Whole log: group " + build.LogGroup + ", stream " + build.LogStream
	var events []string
	patience := logPatience
	if end, ok := ctx.Deadline(); ok { // an answer without the log's end is better than none
		patience = min(patience, time.Until(end)/2)
	}
	for waited := time.Duration(0); ; waited += logPause {
		read, err := h.logEnd(ctx, build)
		over := waited >= patience
		if err != nil && (over || fault.KindOf(err) == fault.Denied) { // not, for example, throttled once
			h.Log.Warn("build log", "error", err.Error())
			return log{failure: buildlog.Read(nil), where: where + " (it could not be read: " + err.Error() + ")"}
		}
		if err == nil {
			events = read
		}
		if err == nil && (buildlog.Complete(events) || build.failed().early()) {
			break
		}
		if over || h.Sleep(ctx, logPause) != nil {
			where += " (log incomplete: its end had not arrived yet)"
			break
		}
	}
	return log{failure: buildlog.Read(events), where: where}
}

// logEnd reads pages from the newest backwards until the docker build's beginning is among them.
func (h *Handler) logEnd(ctx context.Context, build Build) ([]string, error) {
	var events []string
	token := ""
	for range logPages {
		page, older, err := h.Logs.Page(ctx, build.LogGroup, build.LogStream, token)
		if err != nil {
			return nil, err
		}
		events = append(page, events...)
		if older == "" || begun(page) {
			break
		}
		token = older
	}
	return events, nil
}

// logTail writes the failure into the function's own log, one record a line: newer CDK CLIs print it when the
// resource fails.
func (h *Handler) logTail(f buildlog.Failure) {
	if f.Kind != buildlog.Unknown {
		h.Log.Error("build failed", "summary", f.Summary())
	}
	for _, line := range f.Tail {
		h.Log.Error("build output", "line", line)
	}
}

// begun says whether a page holds the line with which our part of the log begins.
func begun(page []string) bool {
	for _, event := range page {
		for line := range strings.Lines(event) {
			if strings.TrimRight(line, "\r\n") == buildspec.Prepare {
				return true
			}
		}
	}
	return false
}
