"""Inverts a folder of images on Mesos with this repository's inverter: invert.py BRIDGE INPUT OUTPUT [OWN_ADDRESS]"""

import json
import subprocess
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mesos.v1.mesos_pb2 import CommandInfo, ExecutorID, ExecutorInfo, FrameworkInfo, TaskID, TaskInfo
from mesosbridge import Offers, Options, ResourcePool, Scheduler, Update, describe, task_outcome

if len(sys.argv) not in (4, 5):
    sys.exit(print(__doc__, file=sys.stderr) or 2)
bridge, source, target, host = (*sys.argv[1:], "127.0.0.1")[:4]
images = [path.resolve() for path in sorted(Path(source).iterdir()) if path.is_file()]
(target := Path(target)).mkdir(parents=True, exist_ok=True)
archive_command = Path(__file__).resolve().parents[3] / "dist/executor/archive-command/main.js"
archive = json.loads(subprocess.check_output(["node", archive_command]))
folder = Path(tempfile.mkdtemp())
for name, path in {archive["fileName"]: archive["path"], **{str(n): path for n, path in enumerate(images)}}.items():
    (folder / name).symlink_to(path)


class Files(SimpleHTTPRequestHandler):
    def do_PUT(self):
        (target / images[int(self.path[1:])].name).write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.end_headers()


server = ThreadingHTTPServer((host, 0), lambda *args: Files(*args, directory=folder))
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://{host}:{server.server_port}"
uri = CommandInfo.URI(value=f"{url}/{archive['fileName']}")
executor = ExecutorInfo(executor_id=ExecutorID(value="inverter"), command={"value": archive["command"], "uris": [uri]})
waiting, running, finished = list(range(len(images))), set(), 0
options = Options.from_environment(replace_removed=True, expiry="teardown")
with Scheduler(bridge, "python-invert", FrameworkInfo(user="root"), options) as scheduler:
    for event in scheduler if images else ():
        match event:
            case Offers(offers=offers):
                for offer in offers:
                    pool, tasks = ResourcePool(offer.resources), []
                    while waiting and (resources := pool.take(cpus=0.5, mem=256)):
                        running.add(str(n := waiting.pop()))
                        job = json.dumps({"version": 1, "input_url": f"{url}/{n}", "output_url": f"{url}/{n}"})
                        ids = {"task_id": TaskID(value=str(n)), "agent_id": offer.agent_id, "executor": executor}
                        tasks.append(TaskInfo(name=images[n].name, resources=resources, data=job.encode(), **ids))
                    scheduler.launch_tasks([offer], tasks) if tasks else scheduler.decline_offers([offer])
            case Update(status=status) if status.task_id.value in running and task_outcome(status) != "active":
                running.remove(status.task_id.value)
                finished += task_outcome(status) == "finished"
                print(images[int(status.task_id.value)].name, "is task", describe(status))
        if not waiting and not running:
            scheduler.teardown()
            break
print(f"{finished} of {len(images)} inverted")
sys.exit(finished < len(images))
