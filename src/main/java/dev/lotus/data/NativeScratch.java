package dev.lotus.data;

import java.nio.ByteBuffer;
import org.bytedeco.javacpp.BytePointer;

/**
 * Native bytes that each thread keeps from call to call, for libraries that cannot read Java
 * arrays. They are a direct buffer's, so -XX:MaxDirectMemorySize bounds them, and the collector
 * frees them some time after their thread has ended or needed more.
 */
final class NativeScratch {
  private record Room(ByteBuffer buffer, BytePointer bytes) {
    static Room of(int size) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(size);
      return new Room(buffer, new BytePointer(buffer));
    }
  }

  private final ThreadLocal<Room> rooms = ThreadLocal.withInitial(() -> Room.of(1 << 16));

  /**
   * At least that many bytes, with anything in them; valid until this thread's next call. The
   * pointer is this object's: not to be closed.
   */
  BytePointer of(int bytes) {
    Room room = rooms.get();
    if (room.buffer.capacity() < bytes) {
      room =
          Room.of(
              Math.max(bytes, (int) Math.min(Integer.MAX_VALUE - 8, 2L * room.buffer.capacity())));
      rooms.set(room);
    }
    return room.bytes;
  }
}
