package main

import (
	"archive/zip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
)

//go:embed onnxruntime/requirements.txt
var onnxRequirements []byte

// onnxBuild is the shared library in one platform's wheel.
type onnxBuild struct {
	file      string   // its name in the wheel
	digest    string   // SHA-256 of the library itself
	platforms []string // pip's names of the platform
}

var onnxBuilds = map[string]onnxBuild{
	"linux/amd64": {
		"libonnxruntime.so.1.24.4", "2d518e11c7767f9fdc4413bdbeb45acf30db504ff76a82fc19d9238a3f9f6c24",
		[]string{"manylinux_2_27_x86_64", "manylinux_2_28_x86_64"},
	},
	"linux/arm64": {
		"libonnxruntime.so.1.24.4", "f373ae5fd4d878ed17ebea26e5480bd3d0a15e3bd6bc94b878e6c1b73998d22a",
		[]string{"manylinux_2_27_aarch64", "manylinux_2_28_aarch64"},
	},
	"darwin/arm64": {
		"libonnxruntime.1.24.4.dylib", "f958c8c8f50a787f64cd13aa5f07710b97075d9869c6983dc0001d2452100eaa",
		[]string{"macosx_14_0_arm64"},
	},
}

// onnxLibrary is the library's name without version.
func onnxLibrary() string {
	if runtime.GOOS == "darwin" {
		return "libonnxruntime.dylib"
	}
	return "libonnxruntime.so"
}

// fetchONNX downloads the pinned wheel with pip, whatever the version of the
// local Python, and unpacks the shared library from it. Both are checked: the
// wheel by pip, the library here, each time.
func fetchONNX(l layout) error {
	build, ok := onnxBuilds[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return fmt.Errorf("there is no pinned ONNX Runtime for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	library := l.lib(build.file)
	if digest, err := digestOf(library); err == nil && digest == build.digest {
		if to, err := os.Readlink(l.lib(onnxLibrary())); err == nil && to == build.file {
			return nil
		}
	}
	pip, err := findPip(l)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(library), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(library), "wheel-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	requirements := filepath.Join(work, "requirements.txt")
	if err := os.WriteFile(requirements, onnxRequirements, 0o644); err != nil {
		return err
	}
	args := append(pip[1:], "download", "--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps",
		"--only-binary", ":all:", "--python-version", "3.12", "--implementation", "cp", "--abi", "cp312")
	for _, platform := range build.platforms {
		args = append(args, "--platform", platform)
	}
	args = append(args, "--dest", work, "--requirement", requirements)
	if err := watch(l, "fetch ONNX Runtime", "fetch-onnxruntime", exec.Command(pip[0], args...)); err != nil {
		return err
	}
	wheels, _ := filepath.Glob(filepath.Join(work, "*.whl"))
	if len(wheels) != 1 {
		return fmt.Errorf("fetch ONNX Runtime: %d wheels instead of one", len(wheels))
	}
	if err := unpack(wheels[0], build.file, library+".new"); err != nil {
		return fmt.Errorf("unpack ONNX Runtime: %w", err)
	}
	digest, err := digestOf(library + ".new")
	if err != nil {
		return err
	}
	if digest != build.digest {
		return fmt.Errorf("ONNX Runtime's library has digest %s instead of the pinned %s", digest, build.digest)
	}
	os.Remove(l.lib(onnxLibrary()))
	return errors.Join(os.Rename(library+".new", library), os.Symlink(build.file, l.lib(onnxLibrary())))
}

// unpack writes the wheel's member with the given base name to a file.
func unpack(wheel, name, to string) error {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, member := range archive.File {
		if path.Base(member.Name) != name {
			continue
		}
		from, err := member.Open()
		if err != nil {
			return err
		}
		defer from.Close()
		out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, from)
		return errors.Join(err, out.Close())
	}
	return fmt.Errorf("no member %s", name)
}

// findPip returns the command that runs pip, installing Debian's if there is none.
func findPip(l layout) ([]string, error) {
	for attempt := 0; ; attempt++ {
		for _, pip := range [][]string{{"python3", "-m", "pip"}, {"pip3"}, {"pip"}} {
			if exec.Command(pip[0], append(pip[1:], "--version")...).Run() == nil {
				return pip, nil
			}
		}
		if attempt > 0 {
			return nil, errors.New("python3-pip was installed, but pip does not run")
		}
		if err := install(l, "pip", "python3-pip", "apt-get update -q\napt-get install -q -y --no-install-recommends python3-pip"); err != nil {
			return nil, err
		}
	}
}
