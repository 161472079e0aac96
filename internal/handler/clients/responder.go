package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/tokendocker/tokendocker/internal/fault"
)

// Responder uploads answers to CloudFormation's presigned URLs.
type Responder struct {
	Client *http.Client

	// Pause is the wait before the second try; each further one is twice as long. Six tries with one second take
	// half a minute.
	Pause time.Duration
}

const (
	putTries   = 6
	putTimeout = 10 * time.Second // of one try
)

// Put implements handler.Responder. The URL is signed for a request without a content type, so none is sent.
func (r Responder) Put(ctx context.Context, to fault.Redacted, body []byte) error {
	pause := r.Pause
	for try := 1; ; try++ {
		again, err := r.put(ctx, to, body)
		if err == nil || !again || try == putTries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (r Responder) put(ctx context.Context, to fault.Redacted, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, to.Reveal(), bytes.NewReader(body))
	if err != nil {
		return false, errors.New("the response URL is no URL") // the error would show it
	}
	res, err := r.Client.Do(req)
	if err != nil {
		return true, fmt.Errorf("upload the answer: %w", hideURL(err))
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode/100 == 2 {
		return false, nil
	}
	return res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests,
		fmt.Errorf("upload the answer: status %s", res.Status)
}

// hideURL takes the URL out of an error of package http, which shows it with its signature.
func hideURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
