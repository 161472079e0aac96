// Package s3 is Amazon S3: buckets and objects, as assets, build sources and answers of custom resources need them.
// Objects are files of the state folder. Versions, object lock, ACLs and storage classes are no part of it, and
// configurations of buckets, such as lifecycle rules and notifications, are kept without anything being done by them.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// Options says what the room works with. All fields but Publish and Log are required.
type Options struct {
	Partition string
	Clock     *clock.Clock
	Sessions  *session.Sessions
	Store     *state.Store
	Caller    protocol.Caller
	// Endpoint is the scheme and host of the URLs that the room signs; its host is an IP address with a port.
	Endpoint func() string

	Publish func(protocol.Event) // hears of objects in buckets that tell EventBridge of theirs; nil: nobody does
	Log     *slog.Logger         // hears of notifications that do not arrive; nil: nobody does
}

// Room is the S3 of all accounts. It is safe for concurrent use.
type Room struct {
	Options
	dir     string
	buckets state.Table[bucket]
	objects state.Table[object]
	signer  *session.Session

	mu       sync.Mutex
	uploads  map[string]*upload
	watchers map[string]chan []byte // by bucket and key
}

var _ protocol.Service = (*Room)(nil)

type bucket struct {
	Name    string
	Owner   string // account
	Region  string
	Created time.Time
	Policy  string // JSON text
	Tags    map[string]string

	Settings map[string]string // XML of configurations, by the setting's query
	Token    string            // of the stack operation that made it
}

// object describes one object; its bytes are in File, below the room's folder.
type object struct {
	Bucket      string
	Key         string
	File        string
	Size        int64
	ETag        string
	Modified    time.Time
	Headers     map[string]string // Content-Type and the like, and x-amz-meta-*
	Checksums   map[string]string // x-amz-checksum-*
	Tags        map[string]string `json:",omitempty"`
	ContentType string
}

func objectKey(bucket, key string) string { return bucket + "\x00" + key }

// New opens the room on what the state folder holds. Unfinished uploads of an earlier run are dropped.
func New(o Options) (*Room, error) {
	r := &Room{Options: o, uploads: map[string]*upload{}, watchers: map[string]chan []byte{}}
	var err error
	if r.buckets, err = state.NewTable[bucket](o.Store, "s3-buckets"); err != nil {
		return nil, err
	}
	if r.objects, err = state.NewTable[object](o.Store, "s3-objects"); err != nil {
		return nil, err
	}
	if r.dir, err = o.Store.Dir("s3"); err != nil {
		return nil, err
	}
	r.signer = o.Sessions.Add(&session.Session{
		Account: amazon, Simulated: true, ARN: fmt.Sprintf("arn:%s:iam::%s:root", o.Partition, amazon), UserID: amazon,
	})
	return r, r.sweep()
}

// sweep removes files that no object names: what a killed process was writing.
func (r *Room) sweep() error {
	known := map[string]bool{}
	for _, o := range r.objects.All() {
		known[o.File] = true
	}
	files, err := os.ReadDir(r.dir)
	if err != nil {
		return fmt.Errorf("read S3 folder: %w", err)
	}
	for _, f := range files {
		if !known[f.Name()] {
			if err := os.Remove(r.path(f.Name())); err != nil {
				return fmt.Errorf("sweep S3 folder: %w", err)
			}
		}
	}
	return nil
}

// Name returns "s3".
func (r *Room) Name() string { return "s3" }

// Resources returns the providers of AWS::S3 types.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{
		"AWS::S3::Bucket":       bucketProvider{r},
		"AWS::S3::BucketPolicy": policyProvider{r},
	}
}

// MakeBucket makes an account's bucket if it is not there, for those that CDK's bootstrap or AWS itself would have made.
func (r *Room) MakeBucket(name, owner, region string) error {
	return r.buckets.Update(name, func(old bucket, found bool) (bucket, error) {
		if found {
			return old, nil
		}
		return bucket{Name: name, Owner: owner, Region: region, Created: r.Clock.Now().UTC()}, nil
	})
}

// Put stores an object without a permission check.
func (r *Room) Put(bucket, key, contentType string, body io.Reader) error {
	if _, err := r.bucket(bucket); err != nil {
		return err
	}
	w, err := r.write(body, http.Header{})
	if err != nil {
		return err
	}
	w.Bucket, w.Key, w.ContentType = bucket, key, contentType
	if err := r.store(w, always); err != nil {
		return err
	}
	r.tell(context.Background(), happening{name: "ObjectCreated:Put", reason: "PutObject", object: w})
	return nil
}

// Open returns an object's content without a permission check. Only the version "null" exists, and "" means it.
func (r *Room) Open(_ context.Context, bucket, key, version string) (io.ReadCloser, error) {
	if version != "" && version != "null" {
		return nil, noSuchVersion(key, version)
	}
	_, file, err := r.open(bucket, key)
	return file, err
}

// open returns an object and its file. Where another object takes its place meanwhile, it returns that one.
func (r *Room) open(bucket, key string) (object, *os.File, error) {
	for {
		o, err := r.object(bucket, key)
		if err != nil {
			return o, nil, err
		}
		file, err := os.Open(r.path(o.File))
		if err == nil {
			return o, file, nil
		}
		if now, again := r.object(bucket, key); again == nil && now.File == o.File {
			return o, nil, fmt.Errorf("read object %s of bucket %s: %w", key, bucket, err)
		}
	}
}

// Code returns an object's content whole, without a permission check.
func (r *Room) Code(bucket, key string) ([]byte, error) {
	f, err := r.Open(context.Background(), bucket, key, "")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// List returns the keys of a bucket that begin with prefix, sorted, without a permission check.
func (r *Room) List(_ context.Context, bucket, prefix string) ([]string, error) {
	if _, err := r.bucket(bucket); err != nil {
		return nil, err
	}
	var keys []string
	for _, o := range r.all(bucket, prefix) {
		keys = append(keys, o.Key)
	}
	return keys, nil
}

// all returns a bucket's objects in the order of their keys.
func (r *Room) all(bucket, prefix string) []object {
	var out []object
	for _, o := range r.objects.All() {
		if o.Bucket == bucket && strings.HasPrefix(o.Key, prefix) {
			out = append(out, o)
		}
	}
	return out
}

func (r *Room) bucket(name string) (bucket, error) {
	b, found, err := r.buckets.Get(name)
	if err == nil && !found {
		err = noSuchBucket(name)
	}
	return b, err
}

func noSuchBucket(name string) error {
	return &protocol.Error{Code: "NoSuchBucket", Message: "The specified bucket does not exist", Status: http.StatusNotFound,
		Fields: map[string]any{"BucketName": name}}
}

func (r *Room) object(bucket, key string) (object, error) {
	if _, err := r.bucket(bucket); err != nil {
		return object{}, err
	}
	o, found, err := r.objects.Get(objectKey(bucket, key))
	if err == nil && !found {
		err = noSuchKey(key)
	}
	return o, err
}

func noSuchKey(key string) error {
	return &protocol.Error{Code: "NoSuchKey", Message: "The specified key does not exist.", Status: http.StatusNotFound,
		Fields: map[string]any{"Key": key}}
}

func noSuchVersion(key, version string) error {
	return &protocol.Error{Code: "NoSuchVersion", Message: "The specified version does not exist.", Status: http.StatusNotFound,
		Fields: map[string]any{"Key": key, "VersionId": version}}
}

// store makes a written file the object's if the object that it replaces, empty if there is none, allows it, and
// removes the other file of the two.
func (r *Room) store(o object, allowed func(old object) error) error {
	var replaced string
	o.Modified = r.Clock.Now().UTC()
	err := r.objects.Update(objectKey(o.Bucket, o.Key), func(old object, _ bool) (object, error) {
		replaced = old.File
		return o, allowed(old)
	})
	if err != nil {
		if removing := os.Remove(r.path(o.File)); removing != nil {
			err = errors.Join(err, removing)
		}
		return err
	}
	if replaced != "" {
		err = os.Remove(r.path(replaced))
	}
	r.notify(o)
	return err
}

// always lets an object take the place of any other.
func always(object) error { return nil }

// remove deletes an object; one that is not there is no error, as in S3.
func (r *Room) remove(bucket, key string) error {
	o, found, err := r.objects.Get(objectKey(bucket, key))
	if err != nil || !found {
		return err
	}
	return errors.Join(r.objects.Delete(objectKey(bucket, key)), os.Remove(r.path(o.File)))
}
