// Inverts images as a program does that has nothing but Go's standard library: decode, a loop over the pixels, encode.
//
//	invert RUNS FILE...
//
// Inverts all files RUNS times, after one time that only warms up, and prints a JSON object: for each run the seconds of
// processor time that it took, all threads together, and how far the process's memory grew at most.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"strconv"
	"syscall"
)

func invert(data []byte) ([]byte, error) {
	source, format, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	bounds := source.Bounds()
	inverted := image.NewNRGBA(bounds)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			pixel := color.NRGBAModel.Convert(source.At(x, y)).(color.NRGBA)
			inverted.SetNRGBA(x, y, color.NRGBA{R: 255 - pixel.R, G: 255 - pixel.G, B: 255 - pixel.B, A: pixel.A})
		}
	}
	var out bytes.Buffer
	if format == "jpeg" {
		err = jpeg.Encode(&out, inverted, &jpeg.Options{Quality: 100})
	} else {
		err = png.Encode(&out, inverted)
	}
	return out.Bytes(), err
}

func processorSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		fail(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// The most memory that the process has held, in kB. What getrusage tells begins with that of the process that started it.
func peakKb() (kb int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fail(err)
	}
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	if _, err := fmt.Sscan(string(after), &kb); err != nil {
		fail(err)
	}
	return kb
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "invert:", err)
	os.Exit(1)
}

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("use: invert RUNS FILE..."))
	}
	runs, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fail(err)
	}
	startKb := peakKb()
	var seconds []float64
	for run := 0; run <= runs; run++ {
		before := processorSeconds()
		for _, file := range os.Args[2:] {
			data, err := os.ReadFile(file)
			if err != nil {
				fail(err)
			}
			if _, err := invert(data); err != nil {
				fail(fmt.Errorf("%s: %w", file, err))
			}
		}
		after := processorSeconds()
		if run > 0 {
			seconds = append(seconds, after-before)
		}
	}
	result := map[string]any{"seconds": seconds, "grownMb": float64(peakKb()-startKb) / 1024}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}
