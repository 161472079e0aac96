// Command mutate breaks the program in named places, one at a time, and looks whether the test that guards each place
// turns red. It works in copies of the working tree and never in the tree itself.
//
//	go run ./scripts/mutate                     every mutation of scripts/mutate/mutations.txt
//	go run ./scripts/mutate -only 'cache|login' those whose name fits
//	go run ./scripts/mutate -sample 4 -seed abc four that need nothing but Go and the CDK, the same four for the same seed
//
// It prints a line for each mutation. The exit code is 1 where a mutation survives, does not compile or does not apply,
// 2 where nothing could be tried.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code, err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	os.Exit(code)
}

// run is the command. The code is its exit code; the error says why nothing could be tried.
func run(ctx context.Context, args []string, out io.Writer) (code int, err error) {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository")
	list := flags.String("list", "scripts/mutate/mutations.txt", "the mutations, relative to the repository")
	only := flags.String("only", "", "try mutations whose name fits this regular expression")
	sample := flags.Int("sample", 0, "try so many, chosen by the seed, of those that need no docker; 0 tries all")
	seed := flags.String("seed", "", "text that chooses the sample")
	jobs := flags.Int("jobs", 2, "how many to try at a time")
	if err := flags.Parse(args); err != nil {
		return 2, err
	}
	chosen, err := choose(filepath.Join(*root, *list), *only, *sample, *seed)
	if err != nil {
		return 2, err
	}
	copies := make([]string, max(1, min(*jobs, len(chosen))))
	for i := range copies {
		if copies[i], err = scratch(ctx, *root); err != nil {
			return 2, err
		}
		defer func() { _ = os.RemoveAll(copies[i]) }()
	}
	if err := sound(ctx, copies[0], chosen); err != nil {
		return 2, err
	}
	return report(out, try(ctx, copies, chosen)), nil
}

// choose reads the mutations and leaves those that are asked for.
func choose(file, only string, sample int, seed string) ([]mutation, error) {
	all, err := readList(file)
	if err != nil {
		return nil, err
	}
	name, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	var chosen []mutation
	for _, m := range all {
		if name.MatchString(m.name) && (sample == 0 || m.need == "") {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("no mutation is chosen")
	}
	if sample == 0 || sample >= len(chosen) {
		return chosen, nil
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(seed))
	random := rand.New(rand.NewPCG(sum.Sum64(), 0))
	random.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	return chosen[:sample], nil
}

// scratch copies what git knows of the working tree, and what it would take in.
func scratch(ctx context.Context, root string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	names, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("list the working tree: %w", err)
	}
	folder, err := os.MkdirTemp("", "tokendocker-mutate-")
	if err != nil {
		return "", err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		if err := clone(filepath.Join(root, name), filepath.Join(folder, name)); err != nil {
			return "", errors.Join(err, os.RemoveAll(folder))
		}
	}
	return folder, nil
}

// clone copies one file or link. A file that was deleted and is still in git's index is left out.
func clone(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.IsDir() {
		return nil
	}
	if err := errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o755)); err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm())
}

// sound runs the tests of the chosen mutations unharmed: a test that is red anyway, or that does not run here, shows
// nothing.
func sound(ctx context.Context, root string, chosen []mutation) error {
	tests := map[place][]string{}
	for _, m := range chosen {
		tests[m.place] = append(tests[m.place], m.test)
	}
	for p, names := range tests {
		output, passed := goTest(ctx, root, p, strings.Join(names, "|"))
		for _, name := range names {
			if !passed || !strings.Contains(output, "--- PASS: "+name+" ") {
				return fmt.Errorf("%s in %s does not pass without any mutation:\n%s", name, path.Join(p.module, p.pkg), output)
			}
		}
	}
	return nil
}

// goTest runs tests of a package.
func goTest(ctx context.Context, root string, p place, names string) (output string, passed bool) {
	cmd := exec.CommandContext(ctx, "go", "test", "-trimpath", "-count=1", "-v", "-timeout=5m", "-run", "^("+names+")$", p.pkg)
	cmd.Dir = filepath.Join(root, p.module)
	cmd.WaitDelay = 10 * time.Second
	data, err := cmd.CombinedOutput()
	return string(data), err == nil
}

// verdict is what became of a mutation.
type verdict struct {
	mutation
	seconds float64
	problem string // empty where its test turned red
}

// try tries the mutations, a copy of the tree for each at a time.
func try(ctx context.Context, copies []string, chosen []mutation) []verdict {
	verdicts := make([]verdict, len(chosen))
	next := make(chan int)
	var group sync.WaitGroup
	for _, root := range copies {
		group.Go(func() {
			for i := range next {
				start := time.Now()
				problem := attempt(ctx, root, chosen[i])
				verdicts[i] = verdict{chosen[i], time.Since(start).Seconds(), problem}
			}
		})
	}
	for i := range chosen {
		next <- i
	}
	close(next)
	group.Wait()
	return verdicts
}

// attempt applies one mutation, runs its test, and takes the mutation back. It says what is wrong, if anything.
func attempt(ctx context.Context, root string, m mutation) (problem string) {
	file := filepath.Join(root, m.file)
	before, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	after, err := m.apply(string(before))
	if err != nil {
		return err.Error()
	}
	defer func() {
		if err := os.WriteFile(file, before, 0o644); err != nil {
			problem = err.Error()
		}
	}()
	if err := os.WriteFile(file, []byte(after), 0o644); err != nil {
		return err.Error()
	}
	output, passed := goTest(ctx, root, m.place, m.test)
	switch {
	case ctx.Err() != nil:
		return "interrupted"
	case passed:
		return "SURVIVES"
	case !strings.Contains(output, "=== RUN   "+m.test+"\n"):
		return "does not compile:\n" + output
	}
	return ""
}

// report prints the table and returns the exit code.
func report(out io.Writer, verdicts []verdict) int {
	code, red := 0, 0
	for _, v := range verdicts {
		word := "red"
		if v.problem != "" {
			word, code = v.problem, 1
		} else {
			red++
		}
		fmt.Fprintf(out, "%-58s %-30s %5.1f s  %s\n", v.name, v.test, v.seconds, word)
	}
	fmt.Fprintf(out, "%d of %d mutations turn their test red\n", red, len(verdicts))
	return code
}
