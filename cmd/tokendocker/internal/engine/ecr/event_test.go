package ecr_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// TestEvents: what EventBridge is told of images.
func TestEvents(t *testing.T) {
	const page = "Amazon ECR User Guide, Amazon ECR events and EventBridge, 2026-11"
	cases := []struct {
		name, source, limit string
		do                  func(w *world)
		want                []string // of the last event; none: there is none
	}{
		{name: "push", source: page, do: func(*world) {},
			want: []string{`"detail-type":"ECR Image Action"`, `"source":"aws.ecr"`, `"action-type":"PUSH"`, `"image-tag":"v1"`, `"repository-name":"app"`, `"result":"SUCCESS"`, `"resources":[]`}},
		{name: "deletion", source: page, do: func(w *world) {
			ok(w.BatchDeleteImage(w.t.Context(), &client.BatchDeleteImageInput{RepositoryName: aws.String("app"), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v1")}}}))
		}, want: []string{`"action-type":"DELETE"`, `"image-tag":"v1"`, `"image-digest":"sha256:`}},
		{name: "replication", source: page, do: func(w *world) {
			w.switches.ReplicationDelay = time.Millisecond
			if err := w.rules(rule(nil, "us-east-1")); err != nil {
				w.t.Fatal(err)
			}
			if _, err := w.put("app", "v2", "2"); err != nil {
				w.t.Fatal(err)
			}
			w.await("app", "v2", "us-east-1 COMPLETE")
		}, want: []string{`"detail-type":"ECR Replication Action"`, `"action-type":"REPLICATE"`, `"source-region":"eu-west-1"`, `"source-account":"111122223333"`, `"region":"us-east-1"`,
			`"resources":["arn:aws:ecr:us-east-1:111122223333:repository/app"]`}},
		{name: "scans, pull-through caches, tags that are frozen", source: page, limit: "nobody is told of scans and of what a pull-through cache imports, nor of pushes that are refused", do: func(w *world) {
			_, err := w.put("app", "bad tag", "3")
			if err == nil {
				w.t.Error("a tag with a blank was taken")
			}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			var mu sync.Mutex
			var list []protocol.Event
			w.room.Publish = func(e protocol.Event) { mu.Lock(); list = append(list, e); mu.Unlock() }
			w.create(&client.CreateRepositoryInput{RepositoryName: aws.String("app")})
			if _, err := w.put("app", "v1", "1"); err != nil {
				t.Fatal(err)
			}
			before := len(list)
			c.do(w)
			time.Sleep(10 * time.Millisecond) // a replica's event comes with its status
			mu.Lock()
			defer mu.Unlock()
			if c.want == nil {
				if len(list) != before {
					t.Errorf("%+v", list[before:])
				}
				return
			}
			text, err := json.Marshal(list[len(list)-1])
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(string(text), want) {
					t.Errorf("no %s in %s", want, text)
				}
			}
		})
	}
}
