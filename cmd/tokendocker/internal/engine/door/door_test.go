package door_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// echo is a service that answers with the operation's name and keeps the last call.
type echo struct {
	name   string
	answer any
	last   *protocol.Call
	body   string // of REST calls
}

func (e *echo) Name() string { return e.name }

func (e *echo) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	if call.HTTP != nil {
		call.Operation = call.HTTP.Method
	}
	return []protocol.Need{{Action: e.name + ":" + call.Operation, Resources: []string{"arn:aws:" + e.name + ":::x"}}}, nil
}

func (e *echo) Serve(_ context.Context, call *protocol.Call) (any, error) {
	e.last = call
	if call.HTTP != nil {
		body, err := io.ReadAll(call.HTTP.Body)
		if err != nil {
			return nil, err
		}
		e.body = string(body)
	}
	return e.answer, nil
}

// denier denies the sessions of one role.
type denier struct{ role string }

func (d denier) Authorize(_ context.Context, as *session.Session, _ string, need protocol.Need) error {
	if as.RoleARN != d.role {
		return nil
	}
	return protocol.Errorf("AccessDeniedException", "User: %s is not authorized to perform: %s", as.ARN, need.Action)
}

type fixture struct {
	*door.Door
	url      string
	sessions *session.Sessions
	operator *session.Session
}

func newFixture(t *testing.T, s *switches.Switches, services ...protocol.Service) *fixture {
	t.Helper()
	all := session.NewSessions()
	d := door.New(door.Options{
		Partition: "aws", Region: "eu-west-1", Clock: clock.New(1), Sessions: all,
		Authorizer: denier{"denied"}, Switches: s, Log: slog.New(slog.DiscardHandler),
	})
	d.Register(services...)
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	operator := all.Add(&session.Session{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/operator"})
	return &fixture{d, server.URL, all, operator}
}

func (f *fixture) config(s *session.Session) aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &f.url, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKeyID, s.SecretKey, s.Token),
	}
}

func accountXML() any {
	type result struct{ Account string }
	return result{"111122223333"}
}

// TestSDKClients drives one operation of each service with the real SDK.
func TestSDKClients(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	ctx := context.Background()
	cases := []struct {
		service, operation string
		answer             any
		call               func(aws.Config) error
	}{
		{"codebuild", "ListProjects", map[string]any{"projects": []string{"p"}}, func(c aws.Config) error {
			out, err := codebuild.NewFromConfig(c).ListProjects(ctx, &codebuild.ListProjectsInput{})
			if err == nil && len(out.Projects) != 1 {
				err = errors.New("no projects in the answer")
			}
			return err
		}},
		{"ecr", "DescribeImages", nil, func(c aws.Config) error {
			_, err := ecr.NewFromConfig(c).DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: aws.String("r")})
			return err
		}},
		{"states", "ListExecutions", nil, func(c aws.Config) error {
			_, err := sfn.NewFromConfig(c).ListExecutions(ctx, &sfn.ListExecutionsInput{})
			return err
		}},
		{"logs", "DescribeLogGroups", nil, func(c aws.Config) error {
			_, err := cloudwatchlogs.NewFromConfig(c).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
			return err
		}},
		{"ssm", "GetParameter", nil, func(c aws.Config) error {
			_, err := ssm.NewFromConfig(c).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("n")})
			return err
		}},
		{"secretsmanager", "GetSecretValue", nil, func(c aws.Config) error {
			_, err := secretsmanager.NewFromConfig(c).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("n")})
			return err
		}},
		{"sts", "GetCallerIdentity", accountXML(), func(c aws.Config) error {
			out, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			if err == nil && aws.ToString(out.Account) != "111122223333" {
				err = errors.New("no account in the answer")
			}
			return err
		}},
		{"cloudformation", "DescribeStacks", struct{}{}, func(c aws.Config) error {
			_, err := cloudformation.NewFromConfig(c).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{})
			return err
		}},
		{"lambda", "POST", ok, func(c aws.Config) error {
			_, err := lambda.NewFromConfig(c).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("{}")})
			return err
		}},
		{"s3", "PUT", ok, func(c aws.Config) error {
			_, err := s3.NewFromConfig(c).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("a b|c:d/é+"), Body: strings.NewReader("x")})
			return err
		}},
	}
	for _, c := range cases {
		t.Run(c.service, func(t *testing.T) {
			room := &echo{name: c.service, answer: c.answer}
			f := newFixture(t, nil, room)
			if err := c.call(f.config(f.operator)); err != nil {
				t.Fatal(err)
			}
			if room.last.Operation != c.operation || room.last.Region != "eu-west-1" || room.last.Session != f.operator {
				t.Errorf("got operation %s in %s as %s", room.last.Operation, room.last.Region, room.last.Session)
			}
			denied := f.sessions.Add(&session.Session{RoleARN: "denied", ARN: "arn:denied"})
			wantCode(t, c.call(f.config(denied)), "AccessDenied", "AccessDeniedException")
			wrong := *f.sessions.Add(&session.Session{ARN: "arn:wrong"})
			wrong.SecretKey = "guess"
			wantCode(t, c.call(f.config(&wrong)), "SignatureDoesNotMatch", "InvalidSignatureException")
			unknown := session.Session{AccessKeyID: "AKIDUNKNOWN", SecretKey: "x"}
			wantCode(t, c.call(f.config(&unknown)), "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId")
			expired := f.sessions.Add(&session.Session{ARN: "arn:expired", Expires: time.Now().Add(-time.Second)})
			wantCode(t, c.call(f.config(expired)), "ExpiredTokenException", "ExpiredToken")
			ended := f.sessions.Add(&session.Session{ARN: "arn:ended", Ends: f.Clock.Now().Add(-time.Second)})
			wantCode(t, c.call(f.config(ended)), "ExpiredTokenException", "ExpiredToken")
			noToken := session.Session{AccessKeyID: f.operator.AccessKeyID, SecretKey: f.operator.SecretKey}
			wantCode(t, c.call(f.config(&noToken)), "UnrecognizedClientException", "InvalidClientTokenId", "InvalidToken")
		})
	}
}

// addressed is a service whose calls may name another account.
type addressed struct{ echo }

func (a *addressed) Owner(call *protocol.Call) string {
	var in struct{ SecretID string }
	_ = json.Unmarshal(call.Body, &in) // the SDK's client has written it
	return protocol.OwnerOf(in.SecretID)
}

// TestAccounts: a call goes to the caller's account, or to the one whose resource it names, if there is one.
func TestAccounts(t *testing.T) {
	rooms := map[string]*addressed{}
	f := newFixture(t, nil)
	for _, account := range []string{"111122223333", "444455556666"} {
		rooms[account] = &addressed{echo{name: "secretsmanager"}}
		f.RegisterFor(account, rooms[account])
	}
	far := f.sessions.Add(&session.Session{Account: "444455556666", ARN: "arn:aws:iam::444455556666:user/far"})
	cases := []struct {
		name, secret string
		as           *session.Session
		served, seen string // whose room serves the call, and the account that the call then names
	}{
		{"own, by name", "n", f.operator, "111122223333", "111122223333"},
		{"the other's own", "n", far, "444455556666", "444455556666"},
		{"by the other's ARN", "arn:aws:secretsmanager:eu-west-1:444455556666:secret:n-abcdef", f.operator, "444455556666", "444455556666"},
		{"by an ARN of nobody here", "arn:aws:secretsmanager:eu-west-1:777788889999:secret:n-abcdef", far, "444455556666", "444455556666"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range rooms {
				r.last = nil
			}
			_, err := secretsmanager.NewFromConfig(f.config(c.as)).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &c.secret})
			if err != nil {
				t.Fatal(err)
			}
			if last := rooms[c.served].last; last == nil || last.Account != c.seen || last.Session != c.as {
				t.Errorf("the room of %s got %+v", c.served, last)
			}
		})
	}
	wantCode(t, func() error {
		_, err := secretsmanager.NewFromConfig(f.config(f.sessions.Add(&session.Session{Account: "777788889999", ARN: "arn:a"}))).GetSecretValue(t.Context(),
			&secretsmanager.GetSecretValueInput{SecretId: aws.String("n")})
		return err
	}(), "UnknownOperationException")
}

func wantCode(t *testing.T, err error, codes ...string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Errorf("got %v, want an error %v", err, codes)
		return
	}
	for _, c := range codes {
		if api.ErrorCode() == c {
			return
		}
	}
	t.Errorf("got code %s (%s), want one of %v", api.ErrorCode(), api.ErrorMessage(), codes)
}

// TestRefusesUnsigned sends what no SDK would.
func TestRefusesUnsigned(t *testing.T) {
	f := newFixture(t, nil, &echo{name: "codebuild"}, &echo{name: "sts"})
	cases := []struct {
		name, target, contentType string
		status                    int
		want                      string
	}{
		{"json", "CodeBuild_20161006.ListProjects", "application/x-amz-json-1.1", 400, `"MissingAuthenticationTokenException"`},
		{"query", "", "application/x-www-form-urlencoded", 403, `<Code>MissingAuthenticationToken</Code>`},
		{"rest", "", "application/json", 403, `Missing Authentication Token`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, _ := http.NewRequest(http.MethodPost, f.url, strings.NewReader("{}"))
			r.Header.Set("Content-Type", c.contentType)
			if c.target != "" {
				r.Header.Set("X-Amz-Target", c.target)
			}
			status, body := send(t, r)
			if status != c.status || !strings.Contains(body, c.want) {
				t.Errorf("got %d %s", status, body)
			}
		})
	}
}

func send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func TestThrottleSwitch(t *testing.T) {
	for _, action := range []string{"codebuild:ListProjects", "*"} {
		t.Run(action, func(t *testing.T) {
			f := newFixture(t, &switches.Switches{Throttle: map[string]int{action: 2}}, &echo{name: "codebuild"}, &echo{name: "logs"})
			role := f.sessions.Add(&session.Session{Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/r/s", RoleARN: "r"})
			ask := func(as *session.Session) error {
				_, err := codebuild.NewFromConfig(f.config(as)).ListProjects(t.Context(), &codebuild.ListProjectsInput{})
				return err
			}
			if err := ask(f.operator); err != nil {
				t.Errorf("the operator: %v", err)
			}
			for i := range 3 {
				if err := ask(role); i < 2 {
					wantCode(t, err, "ThrottlingException")
				} else if err != nil {
					t.Errorf("third call: %v", err)
				}
			}
			if err := f.Call(t.Context(), role, "", "logs", "PutLogEvents", nil, nil); err != nil {
				t.Errorf("a service's own log: %v", err)
			}
		})
	}
}

func TestCallInside(t *testing.T) {
	room := &echo{name: "ecr", answer: map[string]string{"digest": "sha256:1"}}
	f := newFixture(t, nil, room)
	var out struct{ Digest string }
	in := map[string]string{"repositoryName": "r"}
	if err := f.Call(context.Background(), f.operator, "us-east-2", "ecr", "DescribeImages", in, &out); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(room.last.Body, &got); err != nil || got["repositoryName"] != "r" || out.Digest != "sha256:1" || room.last.Region != "us-east-2" {
		t.Errorf("room got %s in %s, caller got %+v", room.last.Body, room.last.Region, out)
	}
	err := f.Call(context.Background(), &session.Session{RoleARN: "denied"}, "us-east-2", "ecr", "DescribeImages", in, &out)
	var e *protocol.Error
	if !errors.As(err, &e) || e.Code != "AccessDeniedException" {
		t.Errorf("a denied role got %v", err)
	}
}

func TestHostsGoBeforeSignatures(t *testing.T) {
	f := newFixture(t, nil)
	f.Host("*.dkr.ecr.*.amazonaws.com", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for host, want := range map[string]int{
		"111122223333.dkr.ecr.eu-west-1.amazonaws.com":     http.StatusTeapot,
		"111122223333.dkr.ecr.eu-west-1.amazonaws.com:443": http.StatusTeapot,
		"api.ecr.eu-west-1.amazonaws.com":                  http.StatusForbidden,
	} {
		r, _ := http.NewRequest(http.MethodGet, f.url+"/v2/", nil)
		r.Host = host
		if status, _ := send(t, r); status != want {
			t.Errorf("%s: got %d, want %d", host, status, want)
		}
	}
}

func TestQueryAnswerIsEscaped(t *testing.T) {
	room := &echo{name: "sts", answer: struct{ Name string }{"<&>"}}
	f := newFixture(t, nil, room)
	_, err := sts.NewFromConfig(f.config(f.operator)).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) || err != nil {
		t.Errorf("the answer is no XML: %v", err)
	}
}

// A caller whose network leads nowhere gets no answer, as on a wire that is cut; others do.
func TestUnreachable(t *testing.T) {
	f := newFixture(t, nil, &echo{name: "sts", answer: accountXML()})
	f.Reachable = func(as *session.Session, service string) bool { return as != f.operator || service != "sts" }
	ask := func(as *session.Session) error {
		_, err := sts.NewFromConfig(f.config(as)).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		return err
	}
	if err := ask(f.operator); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("got %v, want a connection that ends", err)
	}
	if err := ask(f.sessions.Add(&session.Session{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/other"})); err != nil {
		t.Error(err)
	}
}

// TestOldSignatures: a URL that a client has signed in the old way says what to change.
// Source: Amazon S3 API Reference, List of error codes, InvalidRequest, 2026-11.
func TestOldSignatures(t *testing.T) {
	f := newFixture(t, nil, &echo{name: "s3"})
	answer, err := http.Get(f.url + "/box/key?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x&Expires=1795255200")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "<Code>InvalidRequest</Code>") || !strings.Contains(string(body), "AWS4-HMAC-SHA256") {
		t.Errorf("status %d: %s (%v)", answer.StatusCode, body, err)
	}
}
